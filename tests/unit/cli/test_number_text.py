"""Numbers as they stand in columns."""

import math

import pytest

from traintrack.cli.number_text import aligned_at_point, digits_for, number_text, spread_texts


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.912345, "0.9123"),
        (0.5, "0.5"),
        (1.0, "1"),
        (0.0, "0"),
        (-0.0123456, "-0.01235"),
        (123456.7, "123457"),
        (1437, "1437"),
        (10**20, "100000000000000000000"),
        (1e-05, "1e-05"),
        (1.23456e-07, "1.235e-07"),
        (2.5e12, "2.5e+12"),
        (1e300, "1e+300"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (0.99999, "1.0000"),
        (0.900001, "0.9000"),
        (1.00001e-7, "1.000e-07"),
    ],
)
def test_four_digits_are_shown_of_a_float_and_all_of_an_integer(number: float, text: str) -> None:
    assert number_text(number) == text


def test_digits_grow_where_numbers_are_close() -> None:
    assert digits_for([0.1, 0.9, 5.0]) == 4
    close = [0.912341, 0.912342]
    assert [number_text(one, digits_for(close)) for one in close] == ["0.912341", "0.912342"]
    assert digits_for([1.0, math.nan, math.inf]) == 4
    assert digits_for([]) == digits_for([0.0]) == digits_for([10**400, 1.0]) == 4
    assert digits_for([1.0, math.nextafter(1.0, 2)]) <= 17


@pytest.mark.parametrize(
    ("mean", "sd", "texts"),
    [
        (0.91234, 0.0134, ("0.912", "0.013")),
        (1234.5, 56.7, ("1234", "57")),
        (0.5, 0.0, ("0.5", "0")),
        (0.5, None, ("0.5", "")),
        (1.23456e-7, 2.5e-9, ("1.235e-07", "2.5e-09")),
        (math.nan, math.nan, ("nan", "nan")),
        (0.0, 0.25, ("0.00", "0.25")),
    ],
)
def test_a_mean_ends_where_two_digits_of_its_deviation_do(
    mean: float, sd: float | None, texts: tuple[str, str]
) -> None:
    assert spread_texts(mean, sd) == texts


def test_points_stand_below_each_other() -> None:
    assert aligned_at_point(["0.5", "12", "–", "1e-05", "100.25"]) == [
        "  0.5  ",
        " 12    ",
        "  –    ",
        "  1e-05",
        "100.25 ",
    ]
