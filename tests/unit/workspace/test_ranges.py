"""Axes of integers that are counted."""

import itertools

import pytest
from each_reader import grid_of, members, message, told
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.workspace.ranges import RangeRows


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        *(("3", [0, 1, 2]), ("1", [0]), ("[1, 4]", [1, 2, 3]), ("[-1, 1]", [-1, 0])),
        *(("{to: 2}", [0, 1]), ("{from: 1, to: 9, step: 3}", [1, 4, 7]), ("{from: 3, to: 0, step: -1}", [3, 2, 1])),
    ],
)
def test_the_end_of_a_range_is_left_out(text: str, numbers: list[int]) -> None:
    grid = grid_of(f"{{a: {{range: {text}}}}}")

    assert [point[0].value for point in grid.points()] == numbers
    assert [point[0].name for point in grid.points()] == list(map(str, numbers))


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        *(("0", "1:19", "bad-bounds"), ("-1", "1:19", "bad-bounds"), ("[3, 3]", "1:19", "bad-bounds")),
        *(("1.5", "1:19", "field-type"), ("[1, 2, 3]", "1:19", "field-type"), ("true", "1:19", "field-type")),
        *(("[1, 2.0]", "1:19", "bad-bounds"), ("[1, true]", "1:19", "bad-bounds"), ("{from: 1}", "1:19", "bad-bounds")),
        *(("{to: 3, stop: 1}", "1:27", "unknown-field"), ("{to: 3, step: 0}", "1:33", "bad-bounds")),
        *(("{from: 5, to: 1}", "1:19", "bad-bounds"), ("9999999999999999999", "1:19", "bad-bounds")),
    ],
)
def test_bounds_that_leave_nothing_or_mean_nothing_are_refused(text: str, place: str, code: str) -> None:
    assert told(f"{{a: {{range: {text}}}}}") == [(place, code)]


def test_the_error_names_the_bounds() -> None:
    assert message("{a: {range: {from: 5, to: 1, step: 2}}}") == (
        "a range from 5 to 1 by steps of 2 has no number; `to` itself is left out: move it"
    )


@settings(deadline=None)
@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-7, 7).filter(bool), st.integers(-60, 60))
def test_a_number_is_found_if_the_range_has_it(start: int, stop: int, step: int, number: int) -> None:
    rows = RangeRows(range(start, stop, step))

    for text in (str(number), f"{number}.0", f"{number}e0"):
        found = rows.named(text)
        assert (found is not None) == (number in range(start, stop, step))
        assert found is None or found[0].value == number
    assert rows.named(f"{number}.5") is None


def test_rows_are_a_sequence_and_equal_by_their_numbers() -> None:
    rows = RangeRows(range(10**12))

    assert len(rows) == 10**12
    assert [row[0].value for row in rows[-2:]] == [10**12 - 2, 10**12 - 1]
    assert rows[-1][0].name == "999999999999"
    assert [row[0].value for row in itertools.islice(rows, 2)] == [0, 1]
    assert rows == RangeRows(range(10**12))
    assert rows != RangeRows(range(5))
    with pytest.raises(IndexError):
        rows[10**12]


def test_a_range_is_an_axis_among_others() -> None:
    assert members("{fold: {range: 2}, seed: [7]}") == ["fold=0,seed=7", "fold=1,seed=7"]
