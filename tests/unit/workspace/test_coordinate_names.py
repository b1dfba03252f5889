"""What values of axes are called in labels."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.label import is_segment, same_coordinate
from traintrack.workspace.coordinate_names import name_of, shown_as
from traintrack.workspace.model import Literal

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *((0, "0"), (-7, "-7"), (10**30, "1" + "0" * 30)),
        *((0.0001, "0.0001"), (1e-5, "1e-05"), (1.0, "1.0"), (1e16, "1e+16"), (-0.5, "-0.5")),
        *((True, "true"), (False, "false"), (None, "null")),
        *(("adam", "adam"), ("v1.2_rc+1-x", "v1.2_rc+1-x"), ("2026-01-01", "2026-01-01")),
        *((Literal("adam"), "adam"), (Literal(":x"), "x")),
    ],
)
def test_a_plain_value_is_named_by_itself(value: Any, name: str) -> None:
    assert name_of(value) == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *(("//a/b:x", "x"), ("//a/b", "b"), (":t", "t"), (":t/model.pt", "model.pt"), (":t#model", "model")),
        *(("@main//a/b:t", "t"), ("@lp_ocr:production", "production"), ("@lp_ocr:production#model", "model")),
        *(("s3://b/2026-05", "2026-05"), ("s3://b/2026-05/", "2026-05"), ("data/train.csv", "train.csv")),
        ("12:30", "30"),
    ],
)
def test_a_label_or_path_is_named_by_its_last_segment(value: str, name: str) -> None:
    assert name_of(value) == name


@pytest.mark.parametrize(
    "value",
    [
        *("", ".", "..", "a b", "a=b", "a,b", "ü", "x\n", "a/x\n", "a/..", "//", ":", "//a/b:t@lr=1", ":t@*", "a#b"),
        *([], {}, [1], {"a": 1}, float("nan"), float("inf"), Literal("a b")),
    ],
)
def test_what_has_no_name_is_told(value: Any) -> None:
    assert name_of(value) is None


@settings(deadline=None)
@given(SCALARS)
def test_each_name_can_stand_in_a_label(value: Any) -> None:
    name = name_of(value)

    assert name is None or is_segment(name)


@settings(deadline=None)
@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_found_by_any_spelling_of_it(number: float) -> None:
    name = name_of(number)

    assert name is not None
    assert same_coordinate(name, name)
    if isinstance(number, float):
        assert same_coordinate(f"{number:.17e}", name)
        assert same_coordinate(repr(int(number)), name) == (int(number) == number and len(repr(int(number))) < 1000)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_two_numbers_are_the_same_coordinate_only_if_they_are_equal(one: float, other: float) -> None:
    assert same_coordinate(repr(one), repr(other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "name", "same"),
    [
        *(("1e-4", "0.0001", True), ("1", "1.0", True), ("1.0", "1", True), ("010", "10", True), ("+5", "5", True)),
        *(("1", "2", False), ("true", "1", False), ("1", "true", False), ("adam", "sgd", False), ("", "", True)),
        *(
            ("1e999", "5", False),
            (".nan", ".nan", True),
            ("null", "0", False),
            ("100000000000000000000000", "1e+23", False),
        ),
    ],
)
def test_only_numbers_have_several_spellings(text: str, name: str, same: bool) -> None:
    assert same_coordinate(text, name) is same


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        *((0.1, 0.1), (None, None), (True, True), ("adam", "adam"), ("s3://b/x", "s3://b/x")),
        *((Literal(":x"), ":x"), (":x", "N"), ("//a:x", "N"), ("@m:prod", "N"), ({"a": 1}, "N"), ([1], "N")),
    ],
)
def test_a_task_sees_scalars_and_texts_and_the_names_of_all_else(value: Any, seen: Any) -> None:
    found = shown_as(value, "N")

    assert found == seen
    assert type(found) is type(seen)
