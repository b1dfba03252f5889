import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traintrack.digest import NotCanonicalError, canonical_json, content_digest, float_text, sha256_hex, target_id

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["\ue000tt-float:1.5", '"\ue000tt-float:', "1", "1.0", "true", "null", "é", "e\u0301", "\u2028", "\U0001f600"]
)
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def marked(value: Any) -> Any:
    """The value with its types written out, so that `==` tells `1`, `1.0` and `True` apart; `-0.0` is `0.0`."""
    if isinstance(value, dict):
        return {key: marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [marked(item) for item in value]
    return (type(value).__name__, value)


@given(VALUES)
def test_the_canonical_form_is_json_that_reads_back_as_the_value(value: Any) -> None:
    assert marked(json.loads(canonical_json(value))) == marked(value)


@given(VALUES, VALUES)
def test_two_values_have_one_form_only_if_they_are_one_value(one: Any, other: Any) -> None:
    assert (canonical_json(one) == canonical_json(other)) == (marked(one) == marked(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        ("\ue000tt-float:1.5", 1.5),
        ("\ue000tt-float:1", 1),
        (["\ue000tt-float:1.0e-09", 1e-9], [1e-9, 1e-9]),
        ('x"\ue000tt-float:', "x\ue000tt-float:"),
        ("é", "e\u0301"),
        (None, "null"),
        ([], {}),
        ("", None),
    ],
)
def test_values_that_look_alike_have_different_forms(one: Any, other: Any) -> None:
    assert canonical_json(one) != canonical_json(other)


@given(st.dictionaries(TEXTS, FLOATS, max_size=5), st.randoms())
def test_the_order_in_which_keys_were_written_does_not_matter(value: dict[str, float], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)

    assert canonical_json(dict(items)) == canonical_json(value)


@given(st.dictionaries(TEXTS, st.none(), min_size=2, max_size=6), st.sampled_from([1.5, 1e-9]))
def test_keys_are_sorted_by_code_point_with_and_without_small_floats(keys: dict[str, None], item: float) -> None:
    value = dict.fromkeys(keys, item)

    assert list(json.loads(canonical_json(value))) == sorted(keys, key=lambda k: k.encode("utf-8"))


@given(FLOATS)
def test_a_float_keeps_its_bits_and_always_has_a_point(value: float) -> None:
    text = float_text(value)

    assert struct.pack(">d", float(text)) == struct.pack(">d", value + 0.0 if value else 0.0)
    assert "." in text
    assert ("e" in text) == (value != 0 and not 1e-4 <= abs(value) < 1e16)
    assert canonical_json(value).decode() == text
    assert canonical_json({"a": [value]}).decode() == f'{{"a":[{text}]}}'


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        {"a": [-math.inf]},
        "\ud800",
        {"\udc00": 1},
        {1: 2},
        {"a": 1e-9, "b": {1: 2}},
        {"a": {1, 2}},
        b"x",
        [1e-9, b"x"],
    ],
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonicalError):
        canonical_json(value)


def test_a_list_that_holds_itself_is_refused() -> None:
    value: list[Any] = [1e-9]
    value.append(value)

    with pytest.raises(NotCanonicalError):
        canonical_json(value)


def test_digests_are_lower_case_hex_of_the_named_functions() -> None:
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert target_id(b"") == sha256_hex(b"")
    assert content_digest(b"") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
