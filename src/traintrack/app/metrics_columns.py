"""The columns of a table of results: axes, then arguments, then metrics; what is the same in all rows is no column."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum

from msgspec import Struct

from traintrack.app.metrics_file import Value
from traintrack.app.result_row import ResultRow
from traintrack.errors import UsageError
from traintrack.workspace.suggest import did_you_mean, one_of

TAKEN = frozenset({"target", "label", "id", "state", "members"})
"""Titles that a table has for itself."""


class Kind(str, Enum):
    """Where the values of a column come from; the value stands before a name that alone would not be enough."""

    AXIS = "axis"
    ARG = "args"
    METRIC = "metrics"


class Column(Struct, frozen=True):
    """A column; `title` is its name, with its kind before it where another one has that name, and of arguments always."""

    kind: Kind
    name: str
    title: str

    @property
    def full_title(self) -> str:
        """The name with its kind, by which every column can be asked for."""
        return f"{self.kind.value}.{self.name}"


class Same(Struct, frozen=True):
    """A column that has the same value in all rows, and that value."""

    column: Column
    value: Value


def columns_of(rows: Sequence[ResultRow]) -> tuple[Column, ...]:
    """Return the columns of rows, each kind in the order in which its names come up."""
    axes = dict.fromkeys(name for row in rows for name in row.coordinates)
    args = dict.fromkeys(name for row in rows for name in row.args)
    metrics = dict.fromkeys(name for row in rows for name in row.metrics)
    taken = {*TAKEN, *(f"args.{name}" for name in args)}
    columns = [_column(Kind.AXIS, name, taken) for name in axes]
    columns += [Column(Kind.ARG, name, f"args.{name}") for name in args]
    taken.update(axes)
    return (*columns, *(_column(Kind.METRIC, name, taken) for name in metrics))


def value_at(row: ResultRow, column: Column) -> Value | None:
    """Return what a row has in a column, None for nothing; the coordinate `null` is a word."""
    if column.kind is Kind.METRIC:
        return row.metrics.get(column.name)
    if column.kind is Kind.ARG:
        return row.args.get(column.name)
    value = row.coordinates.get(column.name)
    return "null" if value is None and column.name in row.coordinates else value


def split_same(columns: Sequence[Column], rows: Sequence[ResultRow]) -> tuple[tuple[Column, ...], tuple[Same, ...]]:
    """Part the columns into those that differ and those that are the same in all rows.

    A metric is the same if all rows that have any metrics agree on it. Of fewer than two rows nothing is the same.
    """
    told = [row for row in rows if row.metrics]
    same: list[Same] = []
    for column in columns:
        of = told if column.kind is Kind.METRIC else rows
        value = value_at(of[0], column) if len(of) > 1 else None
        if value is not None and all(_key(value_at(row, column)) == _key(value) for row in of):
            same.append(Same(column, value))
    told_once = {one.column for one in same}
    return tuple(column for column in columns if column not in told_once), tuple(same)


def find_column(text: str, columns: Sequence[Column]) -> Column:
    """Return the column of a title, or of a title with its kind (`metrics.auc`).

    Raises:
        UsageError: there is none.
    """
    found = next((column for column in columns if text in {column.title, column.full_title}), None)
    if found is None:
        titles = [column.title for column in columns]
        raise UsageError(
            f"there is no column `{text}`",
            code="unknown-column",
            hint=did_you_mean(text, titles, one_of(titles)),
        )
    return found


def chosen_columns(columns: Sequence[Column], texts: Sequence[str]) -> tuple[Column, ...]:
    """Return the axes, and then the columns of these titles in the order asked for.

    Raises:
        UsageError: there is no such column.
    """
    chosen = dict.fromkeys(find_column(text, columns) for text in texts)
    axes = tuple(column for column in columns if column.kind is Kind.AXIS)
    return (*axes, *(column for column in chosen if column.kind is not Kind.AXIS))


def _column(kind: Kind, name: str, taken: Collection[str]) -> Column:
    return Column(kind, name, f"{kind.value}.{name}" if name in taken else name)


def _key(value: Value | None) -> tuple[bool, Value | None]:
    """What two values are compared by: `True` is not 1, and NaN is itself."""
    return (isinstance(value, bool), "nan" if value != value else value)  # noqa: PLR0124 - only NaN is not itself
