"""Rows that differ only in axes such as `fold` and `seed`, taken together: mean and standard deviation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from traintrack.app.metrics_columns import Column, Kind, value_at
from traintrack.app.metrics_file import Value
from traintrack.app.result_row import ResultRow
from traintrack.errors import UsageError
from traintrack.family_name import coordinates_of
from traintrack.workspace.suggest import did_you_mean, one_of

USUAL = ("fold", "seed", "repeat")
"""Axes whose values nobody wants to choose among."""


class Spread(Struct, frozen=True):
    """`n` numbers out of `of` rows: their mean, and their sample standard deviation, which one number has not."""

    mean: float
    sd: float | None
    n: int
    of: int


class Mixed(Struct, frozen=True):
    """Values of which there is no mean, and that are not all the same."""


Cell: TypeAlias = Value | Spread | Mixed | None
"""What stands in a cell of a table; None for nothing."""


class Group(Struct, frozen=True):
    """Rows of a target that agree in all but `over`, which is empty for a row that stands alone."""

    rows: tuple[ResultRow, ...]
    over: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """The label of the family, or of the target."""
        return self.rows[0].target

    @property
    def with_result(self) -> int:
        """How many rows have a result."""
        return sum(row.state.has_result for row in self.rows)


def usual_axes(rows: Sequence[ResultRow]) -> tuple[str, ...]:
    """Return the axes that rows are grouped over where nobody says so: those of `USUAL` that have several values."""
    return tuple(axis for axis in USUAL if len({row.coordinates[axis] for row in rows if axis in row.coordinates}) > 1)


def demand_axes(rows: Sequence[ResultRow], over: Sequence[str]) -> None:
    """Check that there are such axes.

    Raises:
        UsageError: one is an axis of none of the rows.
    """
    axes = dict.fromkeys(axis for row in rows for axis in row.coordinates)
    for axis in over:
        if axis not in axes:
            otherwise = one_of(axes) if axes else "name an axis of a family, as in `each: {fold: {range: 5}}`"
            raise UsageError(
                f"there is no axis `{axis}`", code="unknown-axis", hint=did_you_mean(axis, axes, otherwise)
            )


def group_rows(rows: Sequence[ResultRow], over: Sequence[str]) -> tuple[Group, ...]:
    """Put together the rows that agree in all other axes, in the order of the first of each."""
    groups: dict[tuple[object, ...], list[ResultRow]] = {}
    for row in rows:
        # By name: the values 1 and 1.0, and `true` and 1, are equal for Python.
        key = (row.target, *(pair for pair in coordinates_of(row.label) if pair[0] not in over))
        groups.setdefault(key, []).append(row)
    return tuple(
        Group(tuple(some), tuple(axis for axis in over if axis in some[0].coordinates)) for some in groups.values()
    )


def cell_of(group: Group, column: Column) -> Cell:
    """Return what a group has in a column: the value if it is one row, or all have the same text; else mean and deviation."""
    values = [value_at(row, column) for row in group.rows]
    if not group.over:
        return values[0]
    told = [value for value in values if value is not None]
    if column.kind is Kind.METRIC and told and all(_is_number(value) for value in told):
        return spread([value for value in told if not isinstance(value, str)], len(values))
    first = told[0] if told else None
    return first if all(value == first and type(value) is type(first) for value in told) else Mixed()


def spread(numbers: Sequence[float], of: int) -> Spread:
    """Return mean and sample standard deviation (n - 1) of one number or more; NaN where a number is not finite."""
    n = len(numbers)
    if not all(map(_is_finite, numbers)):
        return Spread(math.nan, math.nan if n > 1 else None, n, of)
    floats = [float(number) for number in numbers]
    mean = _mean(floats)
    if n == 1:
        return Spread(mean, None, n, of)
    return Spread(mean, math.hypot(*(number - mean for number in floats)) / math.sqrt(n - 1), n, of)


def _mean(numbers: Sequence[float]) -> float:
    if min(numbers) == max(numbers):
        return numbers[0]  # three times 0.1, over three, is not 0.1
    try:
        return math.fsum(numbers) / len(numbers)
    except OverflowError:  # the sum, not the mean, is beyond all floats
        return math.fsum(number / len(numbers) for number in numbers)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond all floats
        return False
