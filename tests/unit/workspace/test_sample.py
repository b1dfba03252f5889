"""Points drawn at random: the same everywhere, and kept when there are more."""

import hashlib
import math
import re
from decimal import Context, Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from each_reader import grid_of, message, told
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.workspace.axes import Grid
from traintrack.workspace.draws import Choice, Integer, Log, LogInteger, Uniform, bits_of

PAGE = (Path(__file__).parents[3] / "docs/reference/families.md").read_text()
AXES = (
    "lr: {log: [1e-5, 1e-2]}, dropout: {uniform: [0, 0.5]}, width: {int: [16, 256]}, "
    "units: {log_int: [16, 4096]}, opt: [adam, sgd]"
)
ALL_BITS = 2**53 - 1
BITS = st.integers(0, ALL_BITS)
PRECISE = Context(prec=80)


def values(text: str) -> list[tuple[object, ...]]:
    return [tuple(one.value for one in point) for point in grid_of(f"{{sample: {{{text}}}}}").points()]


def names(text: str) -> list[tuple[str, ...]]:
    return [tuple(one.name for one in point) for point in grid_of(f"{{sample: {{{text}}}}}").points()]


def test_the_vectors_of_the_page_come_out() -> None:
    rows = re.findall(r"^\| (\d) \| (.*) \|$", PAGE, re.MULTILINE)

    assert f"{{seed: 1, {AXES}}}" in PAGE
    assert len(rows) == 4
    assert [" | ".join(point) for point in names(f"n: 4, seed: 1, {AXES}")] == [row for _, row in rows]
    assert ", ".join(str(bits_of(1, "lr")(i)) for i in range(4)) in PAGE


@settings(deadline=None)
@given(st.integers(), st.text("abcXYZ019_.+-", min_size=1), st.integers(0, 10**6))
def test_the_bits_are_those_of_the_hash(seed: int, axis: str, index: int) -> None:
    digest = hashlib.sha256(b"traintrack/sample/1\0%d\0%s\0%d" % (seed, axis.encode(), index)).hexdigest()

    assert bits_of(seed, axis)(index) == int(digest, 16) >> (256 - 53)


@settings(deadline=None)
@given(BITS, st.floats(1e-300, 1e300), st.floats(1e-300, 1e300), st.integers(1, 17))
def test_a_log_draw_is_the_exact_power_rounded(bits: int, one: float, other: float, digits: int) -> None:
    low, high = Decimal(repr(min(one, other))), Decimal(repr(max(one, other)))
    first, last = PRECISE.ln(low), PRECISE.ln(high)
    share = PRECISE.divide(Decimal(bits), Decimal(2**53))
    exact = PRECISE.exp(PRECISE.add(first, PRECISE.multiply(share, PRECISE.subtract(last, first))))
    slips = (Decimal(1) - Decimal("1e-26"), Decimal(1) + Decimal("1e-26"))
    around = [Context(prec=digits).plus(PRECISE.multiply(exact, slip)) for slip in slips]

    # Only between two neighbours may the 30 digits decide otherwise.
    assert Log(low, high, digits).at(bits).value in [float(min(max(value, low), high)) for value in around]


@settings(deadline=None)
@given(BITS, st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(1, 12))
def test_a_uniform_draw_is_the_exact_share_rounded(bits: int, one: float, other: float, digits: int) -> None:
    low, high = Decimal(repr(min(one, other))), Decimal(repr(max(one, other)))
    exact = Fraction(low) + Fraction(bits, 2**53) * (Fraction(high) - Fraction(low))
    found = Uniform(low, high, digits).at(bits).value

    assert float(low) <= found <= float(high)
    assert abs(Fraction(repr(found)) - exact) <= abs(exact) * Fraction(1, 2 * 10 ** (digits - 1)) + Fraction(1, 10**15)
    assert math.copysign(1, found) == 1 or found < 0


@settings(deadline=None)
@given(BITS, st.integers(-(10**15), 10**15), st.integers(0, 10**15))
def test_integers_are_drawn_from_both_ends_and_between(bits: int, low: int, width: int) -> None:
    draw = Integer(low, low + width)

    assert draw.at(bits).value == low + math.floor(Fraction(bits, 2**53) * (width + 1))
    assert draw.at(0).value == low
    assert draw.at(ALL_BITS).value == low + width


@settings(deadline=None)
@given(BITS, st.integers(1, 10**9), st.integers(1, 10**9))
def test_integers_by_logarithm_keep_to_their_bounds(bits: int, low: int, width: int) -> None:
    draw = LogInteger(low, low + width)
    found = draw.at(bits).value

    assert low <= found <= low + width
    assert draw.at(0).value == low
    assert draw.at(ALL_BITS).value == low + width
    if low < found < low + width:
        u = bits / 2**53
        assert (
            math.log(found) - 1e-9
            <= math.log(low) + u * math.log((low + width + 1) / low)
            <= math.log(found + 1) + 1e-9
        )


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 300))
def test_no_more_values_are_drawn_than_are_said_to_be_possible(digits: int, count: int) -> None:
    low, high = Decimal("0.098"), Decimal("0.11")
    draws = (Log(low, high, digits), Uniform(low, high, digits), Integer(3, 9), LogInteger(3, 9), Choice(()))

    for draw in draws[:4]:
        found = {draw.at(i * (ALL_BITS // count)).name for i in range(count + 1)}
        assert len(found) <= (draw.most() or 0)


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(0, 20), st.integers(-3, 3))
def test_a_larger_sample_keeps_the_points_of_a_smaller(n: int, more: int, seed: int) -> None:
    small, large = (names(f"n: {size}, seed: {seed}, digits: 1, {AXES}") for size in (n, n + more))

    assert large[:n] == small
    assert len(set(large)) == len(large) == n + more


def test_a_further_axis_leaves_the_others_as_they_were() -> None:
    more = names(f"n: 30, seed: 4, {AXES}, decay: {{log: [1e-5, 1]}}")

    assert [point[:-1] for point in more] == names(f"n: 30, seed: 4, {AXES}")


def test_axes_do_not_follow_one_another_and_seeds_differ() -> None:
    text = "n: 200, seed: 5, a: {uniform: [1, 2]}, b: {uniform: [1, 2]}"
    drawn = grid_of(f"{{sample: {{{text}}}}}")
    pairs = [(a.value, b.value) for a, b in drawn.points()]

    assert abs(sum((a - 1.5) * (b - 1.5) for a, b in pairs) / 200) < 0.02
    assert abs(sum(a for a, _ in pairs) / 200 - 1.5) < 0.06
    assert len(set(names(text)) & set(names(text.replace("seed: 5", "seed: 6")))) < 5


def test_a_point_that_was_drawn_is_passed_over_until_all_are_found() -> None:
    found = values("n: 6, seed: 2, a: [x, y], b: {range: 3}")

    assert sorted(found, key=str) == sorted(((a, b) for a in "xy" for b in range(3)), key=str)


def test_values_may_be_bundles_and_dates() -> None:
    text = "n: 4, m: {small: {d: 1}, big: {d: 2}}, day: {dates: {from: 2026-01-01, to: 2026-01-02}}"

    assert {point[0] for point in names(text)} == {"small", "big"}
    assert min(names(text)) == ("big", "2026-01-01")


def test_bounds_with_more_digits_than_the_sample_are_not_left() -> None:
    found = [float(str(point[0])) for point in values("n: 2, digits: 2, a: {uniform: [0.123, 0.128]}")]

    assert sorted(found) == [0.123, 0.128]


def test_the_seed_is_zero_and_the_digits_four_unless_written() -> None:
    text = "n: 20, a: {log: [1, 1000]}"

    assert names(text) == names(f"seed: 0, digits: 4, {text}")
    assert names(text) != names(f"digits: 5, {text}")
    assert all(len(point[0].replace(".", "").strip("0")) <= 4 for point in names(text))


def test_a_point_of_a_sample_is_found_by_its_names() -> None:
    grid: Grid = grid_of(f"{{fold: {{range: 3}}, sample: {{n: 40, {AXES}}}}}")

    for point in grid.points():
        assert grid.find({axis: one.name for axis, one in zip(grid.axes, point, strict=True)}) == point
        assert list(grid.matching({"lr": point[1].name, "fold": point[0].name})) == [point]


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("5", [("1:16", "field-type")]),
        ("{}", [("1:16", "bad-sample"), ("1:16", "no-axis")]),
        ("{n: 3}", [("1:16", "no-axis")]),
        ("{lr: [1]}", [("1:16", "bad-sample")]),
        ("{n: 0, a: [1]}", [("1:20", "field-type")]),
        ("{n: 1.0, a: [1]}", [("1:20", "field-type")]),
        ("{n: 100001, a: {range: 1000000}}", [("1:20", "field-type")]),
        ("{n: 1, seed: x, a: [1]}", [("1:29", "field-type")]),
        ("{n: 1, digits: 18, a: [1]}", [("1:31", "field-type")]),
        ("{n: 1, a: 1}", [("1:26", "field-type")]),
        ("{n: 1, 'a b': [1]}", [("1:23", "bad-name")]),
        ("{n: 1, range: 5}", [("1:23", "bad-name"), ("1:30", "field-type")]),
        ("{n: 1, a: {lgo: [1, 2]}}", [("1:27", "bad-sample")]),
        ("{n: 1, a: {log: 5}}", [("1:32", "field-type")]),
        ("{n: 1, a: {log: [1, 2, 3]}}", [("1:32", "field-type")]),
        ("{n: 1, a: {log: [1, x]}}", [("1:36", "bad-bounds")]),
        ("{n: 1, a: {int: [1.0, 2]}}", [("1:33", "bad-bounds")]),
        ("{n: 1, a: {int: [true, 2]}}", [("1:33", "bad-bounds")]),
        ("{n: 1, a: {log: [0, 1]}}", [("1:33", "bad-bounds")]),
        ("{n: 1, a: {log_int: [0, 5]}}", [("1:37", "bad-bounds")]),
        ("{n: 1, a: {uniform: [2, 2]}}", [("1:36", "bad-bounds")]),
        ("{n: 1, a: {uniform: [1, 1" + "0" * 400 + "]}}", [("1:40", "bad-bounds")]),
        ("{n: 7, a: [x, y], b: {range: 3}}", [("1:20", "few-points")]),
        ("{n: 50000, digits: 2, a: {log: [0.1, 1]}}", [("1:20", "few-points")]),
        ("{n: 3, a: {log_int: [1, 2]}}", [("1:20", "few-points")]),
    ],
)
def test_each_mistake_in_a_sample_is_told_with_its_place(text: str, errors: list[tuple[str, str]]) -> None:
    assert told(f"{{sample: {text}}}") == errors


def test_too_few_points_are_counted_in_the_error() -> None:
    assert message("{sample: {n: 7, a: [x, y], b: {range: 3}}}") == (
        "a sample of 7 has only 6 different points; write `n: 6`, or widen its axes"
    )


def test_draws_that_never_end_are_given_up() -> None:
    words = message("{sample: {n: 3, digits: 1, a: {uniform: [-1.9, -1.1]}}}")

    assert words == "a sample of 3 has only 2 different points; write `n: 2`, or widen its axes"


def test_a_wrong_word_is_told_with_the_right_one() -> None:
    assert message("{sample: {n: 1, a: {lgo: [1, 2]}}}") == "a sample cannot draw by `lgo`; did you mean `log`?"
