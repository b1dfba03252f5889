from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from traintrack.analysis.preimage import (
    ArtifactValue,
    FamilyValue,
    MemberValue,
    escaped_key,
    hashed_value,
    plain_value,
    put_artifact,
    target_preimage,
    user_key,
)
from traintrack.digest import TargetId, canonical_json
from traintrack.workspace.model import Literal

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text("ab$:é")
)
VALUES: Any = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab$.", max_size=4), inner, max_size=3)
)


def test_literal_text_is_hashed_and_delivered_as_its_text() -> None:
    value = {"x": Literal(":a"), "y": [Literal("@b")]}

    assert hashed_value(value) == {"x": ":a", "y": ["@b"]}
    assert plain_value(value) == {"x": ":a", "y": ["@b"]}


def test_a_users_map_is_never_taken_for_a_reference() -> None:
    forged = hashed_value({"data": {"$artifact": "ab" * 32}})

    assert forged == {"data": {"$$artifact": "ab" * 32}}
    assert forged != hashed_value({"data": ArtifactValue(TargetId("ab" * 32))})


def test_a_reference_is_put_below_escaped_keys() -> None:
    args = hashed_value({"$x": {"y": ["", ":a"]}})

    put_artifact(args, ("$x", "y", 1), ArtifactValue(TargetId("ab" * 32), "w"))

    assert args == {"$$x": {"y": ["", {"$artifact": "ab" * 32, "path": "w"}]}}


def test_a_family_does_not_depend_on_the_order_of_its_members() -> None:
    members = [MemberValue({"lr": lr, "d": 1}, TargetId(str(lr))) for lr in (0.1, 1e-05, 10, 9)]

    assert hashed_value(FamilyValue(tuple(members))) == hashed_value(FamilyValue(tuple(reversed(members))))


@given(st.text("$ab", max_size=5))
def test_escaping_a_key_is_undone_and_leaves_no_single_dollar(key: str) -> None:
    escaped = escaped_key(key)

    assert user_key(escaped) == key
    assert not escaped.startswith("$") or escaped.startswith("$$")


@given(VALUES, VALUES)
def test_two_values_are_hashed_alike_only_if_they_are_delivered_alike(one: Any, other: Any) -> None:
    hashed_alike = canonical_json(hashed_value(one)) == canonical_json(hashed_value(other))

    assert hashed_alike == (canonical_json(plain_value(one)) == canonical_json(plain_value(other)))


@given(st.dictionaries(st.text(max_size=3), SCALARS, max_size=5), st.randoms())
def test_the_order_of_keys_does_not_matter(args: dict[str, Any], random: Any) -> None:
    shuffled = list(args.items())
    random.shuffle(shuffled)

    assert canonical_json(hashed_value(args)) == canonical_json(hashed_value(dict(shuffled)))


def test_the_pre_image_has_the_fields_of_the_specification() -> None:
    preimage = target_preimage(
        task="t",
        entrypoint=None,
        platform="linux/amd64",
        image={"digest": "sha256:0"},
        code={"b": "1", "a": "2"},
        env={},
        secrets=("Z", "A"),
        cache_version=0,
        args={},
    )

    assert canonical_json(preimage) == (
        b'{"args":{},"cache_version":0,"code":{"a":"2","b":"1"},"entrypoint":null,"env":{},'
        b'"format":"traintrack/target/1","image":{"digest":"sha256:0"},"platform":"linux/amd64","secrets":["A","Z"],'
        b'"task":"t"}'
    )
