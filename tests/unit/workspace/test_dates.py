"""Axes of dates."""

from datetime import date

import pytest
from each_reader import grid_of, message, told
from hypothesis import given, settings
from hypothesis import strategies as st

from traintrack.workspace.dates import DateRows, Every


def dates(text: str) -> list[str]:
    return [point[0].name for point in grid_of(f"{{day: {{dates: {{{text}}}}}}}").points()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from: 2026-01-30, to: 2026-02-02", ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"]),
        ("from: 2026-01-01, to: 2026-01-15, every: week", ["2026-01-01", "2026-01-08", "2026-01-15"]),
        ("from: 2026-01-01, to: 2026-01-14, every: week", ["2026-01-01", "2026-01-08"]),
        ("from: 2026-01-01, to: 2026-01-08, every: 3d", ["2026-01-01", "2026-01-04", "2026-01-07"]),
        ("from: 2026-01-01, to: 2026-01-31, every: 2w", ["2026-01-01", "2026-01-15", "2026-01-29"]),
        ("from: 2026-01-01, to: 2026-01-01", ["2026-01-01"]),
        ("from: 2024-02-29, to: 2028-02-29, every: year", [f"{y}-02-{28 + (y % 4 == 0)}" for y in range(2024, 2029)]),
    ],
)
def test_dates_run_to_the_last_one_included(text: str, expected: list[str]) -> None:
    assert dates(text) == expected


def test_months_keep_their_day_over_a_short_one() -> None:
    assert dates("from: 2026-01-31, to: 2026-04-30, every: month") == [
        *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30")
    ]
    assert dates("from: 2026-11-30, to: 2027-03-29, every: month") == [
        *("2026-11-30", "2026-12-30", "2027-01-30", "2027-02-28")
    ]


def test_a_date_is_text() -> None:
    ((one,),) = grid_of("{day: {dates: {from: 2026-01-01, to: 2026-01-01}}}").points()

    assert (one.name, one.value, one.shown) == ("2026-01-01",) * 3


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("5", [("1:21", "field-type")]),
        ("[2026-01-01, 2026-01-02]", [("1:21", "field-type")]),
        ("{}", [("1:21", "bad-bounds"), ("1:21", "bad-bounds")]),
        ("{from: 2026-01-01}", [("1:21", "bad-bounds")]),
        ("{from: 2026-01-01, to: 2026-02-30}", [("1:44", "bad-bounds")]),
        ("{from: 20260101, to: 2026-02-01}", [("1:28", "field-type")]),
        ("{from: 2026-1-1, to: 2026-02-01}", [("1:28", "bad-bounds")]),
        ("{from: 2026-02-01, to: 2026-01-01}", [("1:44", "bad-bounds")]),
        ("{from: 2026-01-01, to: 2026-02-01, every: days}", [("1:63", "bad-bounds")]),
        ("{from: 2026-01-01, to: 2026-02-01, every: 0d}", [("1:63", "bad-bounds")]),
        ("{from: 2026-01-01, to: 2026-02-01, every: 3}", [("1:63", "field-type")]),
        ("{from: 2026-01-01, to: 2026-02-01, until: 3}", [("1:56", "unknown-field")]),
    ],
)
def test_what_is_no_stretch_of_time_is_refused(text: str, errors: list[tuple[str, str]]) -> None:
    assert told(f"{{day: {{dates: {text}}}}}") == errors


def test_a_wrong_step_is_told_with_the_right_one() -> None:
    assert message("{day: {dates: {from: 2026-01-01, to: 2026-02-01, every: days}}}") == (
        "`days` is not a step of dates; did you mean `day`?"
    )


DAYS = st.dates(date(1999, 1, 1), date(2030, 12, 31))
STEPS = st.builds(Every, days=st.integers(1, 40)) | st.builds(Every, months=st.integers(1, 30))


@settings(deadline=None)
@given(DAYS, DAYS, STEPS)
def test_each_date_is_found_and_the_next_one_is_beyond_the_end(one: date, other: date, every: Every) -> None:
    first, last = sorted((one, other))
    rows = DateRows(first, last, every)
    longer = DateRows(first, date(2100, 1, 1), every)
    names = [row[0].name for row in rows]

    assert names[0] == first.isoformat()
    assert names == sorted(set(names))
    assert names[-1] <= last.isoformat() < longer[len(rows)][0].name
    assert names == [row[0].name for row in longer[: len(rows)]]
    for name in names[:50]:
        assert rows.named(name) == (rows[names.index(name)])


@settings(deadline=None)
@given(DAYS, DAYS, STEPS, DAYS)
def test_a_date_that_no_step_meets_is_not_found(one: date, other: date, every: Every, day: date) -> None:
    rows = DateRows(min(one, other), max(one, other), every)

    assert (rows.named(day.isoformat()) is not None) == (day.isoformat() in {row[0].name for row in rows})


def test_all_days_of_the_calendar_are_counted_at_once() -> None:
    rows = DateRows(date(1, 1, 1), date(9999, 12, 31), Every(days=1))

    assert len(rows) == 3_652_059
    assert rows[-1][0].name == "9999-12-31"
    assert rows.named("9999-12-31") == rows[-1]
    assert rows.named("2026-02-30") is None
    assert rows.named("20260228") is None
    assert len(DateRows(date(1, 1, 31), date(9999, 12, 31), Every(months=1))) == 9999 * 12
