from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traintrack.errors import InputError, Location
from traintrack.workspace.findings import Findings
from traintrack.workspace.interpolate import Hole, HoleError, compiled, has_holes, parts_of, text_of
from traintrack.workspace.model import KeyPath, Literal
from traintrack.workspace.parameters_put_in import with_parameters

ENV: dict[str, Any] = {
    "lr": 0.1,
    "n": 3,
    "on": True,
    "big": 1e22,
    "model": {"depth": 18, "in": {"x": [1]}},
    "a.b": "dot",
}


class Dotted:
    """Places that name the path."""

    def value(self, path: KeyPath) -> Location:
        return Location(".".join(map(str, path)), 1)

    key = value

    def text(self, path: KeyPath) -> None:
        return None


def findings() -> Findings:
    return Findings(Dotted(), [])


def told(errors: list[InputError]) -> list[tuple[str, str]]:
    return [(error.location.path if error.location else "", error.message) for error in errors]


def filled(value: Any) -> Any:
    found = findings()
    make = compiled(value, ENV, (), found)
    assert found.errors == []
    return value if make is None else make(ENV)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${lr}", 0.1),
        ("${n}", 3),
        ("${on}", True),
        ("${model}", ENV["model"]),
        ("${model.depth}", 18),
        ("${model.in.x}", [1]),
        ("x-${lr}-${n}", "x-0.1-3"),
        ("${on}${n}", "true3"),
        (" ${n}", " 3"),
        ("${big}/", "1e+22/"),
        ("${a.b}", "dot"),
        ("$${lr}", "${lr}"),
        ("$${", "${"),
        ("$$${n}", "$${n}"),
        ("a$${n}b${n}c$${", "a${n}b3c${"),
        ("$n {n} $", "$n {n} $"),
    ],
)
def test_a_hole_alone_keeps_its_type_and_inside_text_it_is_spelled(text: str, value: Any) -> None:
    assert filled({"k": [text]}) == {"k": [value]}
    assert type(filled(text)) is type(value)


def test_keys_and_marked_text_stay_as_they_are() -> None:
    value = {"${lr}": Literal("${lr}"), "x": [Literal(":${n}")]}

    assert filled(value) is value


def test_what_has_no_hole_is_shared_and_what_is_filled_is_not_written_into_the_original() -> None:
    value = {"a": {"deep": [1, {"x": 2}]}, "b": {"c": "${n}"}}
    made = filled(value)

    assert made == {"a": {"deep": [1, {"x": 2}]}, "b": {"c": 3}}
    assert made["a"] is value["a"]
    assert value["b"] == {"c": "${n}"}


def test_the_longest_name_that_is_known_counts_and_the_rest_are_fields() -> None:
    assert parts_of("${a.b.c}", {"a", "a.b"}) == [Hole("a.b", ("c",))]
    assert parts_of("${a.b.c}", {"a"}) == [Hole("a", ("b", "c"))]
    assert parts_of("${a.b.c}", {"a", "a.b.c"}) == [Hole("a.b.c")]


@pytest.mark.parametrize(
    "text", ["${", "x${n", "${{n}}", "${n}${", "${}", "${ n}", "${n:-3}", "${n.}", "${.n}", "${model..x}"]
)
def test_a_hole_that_is_spelled_wrong_is_told_at_its_text(text: str) -> None:
    found = findings()
    compiled({"args": ["${n}", text]}, ENV, (), found)

    assert [place for place, _ in told(found.errors)] == ["args.1"]


@pytest.mark.parametrize("value", [{"a": 1}, [1], None])
def test_what_has_no_spelling_cannot_stand_inside_text(value: Any) -> None:
    with pytest.raises(HoleError):
        text_of(value)


@pytest.mark.parametrize("value", [0, -7, 10**40, 0.1, 1e-05, -0.5, True, False, "x", ""])
def test_scalars_inside_text_are_spelled_as_labels_name_them(value: Any) -> None:
    found = findings()
    make = compiled("<${v}>", {"v"}, (), found)
    assert make is not None
    spelled = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)

    assert make({"v": value}) == f"<{spelled}>"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from("${}ab.<"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
)


@given(JSON)
def test_escaped_text_comes_out_as_it_was(value: Any) -> None:
    """What `$${` is written for is read back, whatever stands around it."""

    def escaped(one: Any) -> Any:
        if isinstance(one, str):
            return one.replace("${", "$${")
        if isinstance(one, dict):
            return {key: escaped(item) for key, item in one.items()}
        return [escaped(item) for item in one] if isinstance(one, list) else one

    assert filled(escaped(value)) == value
    assert has_holes(escaped(value)) == ("${" in repr(value))


def put(value: Any, raw: dict[str, Any], later: frozenset[str] = frozenset()) -> Any:
    found = findings()
    made = with_parameters(value, raw, (), found, later)
    assert found.errors == []
    return made


def test_parameters_are_put_in_as_they_are_written_and_holes_in_them_stay_holes() -> None:
    raw = {"a": "${lr}", "b": [1, "${n}"], "c": "$${x}", "d": Literal(":t")}

    assert put("${a}", raw) == "${lr}"
    assert put("x-${a}-${c}", raw) == "x-${lr}-$${x}"
    assert put({"k": ["${b}", "${d}"]}, raw) == {"k": [[1, "${n}"], Literal(":t")]}
    assert put("<${d}>", raw) == "<:t>"


def test_the_field_of_a_parameter_that_is_a_hole_is_a_field_of_that_hole() -> None:
    assert put("${a.depth}", {"a": "${model}"}) == "${model.depth}"
    assert put("d${a.in.x}", {"a": "${model.big}"}) == "d${model.big.in.x}"
    assert put("${a.depth}", {"a": {"depth": 3}}) == 3


def test_holes_that_are_filled_later_and_escapes_are_left_alone() -> None:
    assert put("${a}-${fold}-$${a}", {"a": 1}, frozenset({"fold"})) == "1-${fold}-$${a}"


def test_a_name_that_is_neither_a_parameter_nor_filled_later_is_told() -> None:
    found = findings()
    with_parameters({"x": ["${b}"]}, {"a": 1}, ("args",), found, frozenset({"fold"}))

    assert told(found.errors) == [("args.x.0", "nothing here is called `b`")]


@pytest.mark.parametrize(
    ("text", "raw"), [("${p}{q}", {"p": "$"}), ("${p}${q}", {"p": "a$"}), ("${p}${r}", {"p": "$", "r": "{q}"})]
)
def test_parameters_never_make_a_hole_or_an_escape_of_text_around_them(text: str, raw: dict[str, Any]) -> None:
    found = findings()
    with_parameters(text, raw, ("args",), found, frozenset({"q"}))

    assert [place for place, _ in told(found.errors)] == ["args"]
