"""The table of results: which rows and columns, in which order. Follows from the rows and what was asked alone."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from traintrack.app.metrics_columns import (
    Column,
    Kind,
    Same,
    chosen_columns,
    columns_of,
    find_column,
    split_same,
)
from traintrack.app.metrics_groups import Cell, Group, Mixed, Spread, cell_of, demand_axes, group_rows, usual_axes
from traintrack.app.result_row import ResultRow


class Shown(Enum):
    """Which of the columns stand in a table."""

    DIFFERING = "differing"
    ALL = "all"


class Kept(Enum):
    """Which of the rows stand in a table."""

    ALL = "all"
    WITH_RESULT = "with-result"


class View(Struct, frozen=True):
    """What was asked of a table.

    `over` are the axes to group over, None for the usual ones. `sort` is a title, with `-` before it to begin with the
    largest. `columns` are titles to be shown, beside the axes, in place of all.
    """

    over: tuple[str, ...] | None = None
    sort: str | None = None
    columns: tuple[str, ...] | None = None
    shown: Shown = Shown.DIFFERING
    kept: Kept = Kept.ALL


class TableRow(Struct, frozen=True):
    """A group with its cells, one for each column."""

    group: Group
    cells: tuple[Cell, ...]


class Table(Struct, frozen=True):
    """Columns and rows; `same` are the columns that are told once, `over` the axes that rows are grouped over."""

    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    same: tuple[Same, ...] = ()
    over: tuple[str, ...] = ()
    sorted_by: Column | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets and families that rows are of, each once."""
        return tuple(dict.fromkeys(row.group.target for row in self.rows))


def make_table(rows: Sequence[ResultRow], view: View) -> Table:
    """Lay rows out as asked.

    Raises:
        UsageError: a column or an axis is named that there is none of.
    """
    over = view.over if view.over is not None else usual_axes(rows)
    demand_axes(rows, over)
    every = tuple(column for column in columns_of(rows) if column.kind is not Kind.AXIS or column.name not in over)
    groups = group_rows(rows, over)
    if view.kept is Kept.WITH_RESULT:
        groups = tuple(group for group in groups if group.with_result)
    sort, groups = _sorted(groups, every, view.sort)
    shown, same = _shown(every, [row for group in groups for row in group.rows], view, sort)
    columns, cells = _without_mixed(shown, groups)
    table_rows = tuple(TableRow(group, some) for group, some in zip(groups, cells, strict=True))
    return Table(columns, table_rows, same, over, sort)


def _shown(
    columns: Sequence[Column], rows: Sequence[ResultRow], view: View, sort: Column | None
) -> tuple[tuple[Column, ...], tuple[Same, ...]]:
    """The columns to show, and those that are told once; what was asked for by name is always shown."""
    asked = frozenset(find_column(text, columns) for text in view.columns or ())
    wanted = tuple(columns) if view.columns is None else chosen_columns(columns, view.columns)
    if view.shown is Shown.ALL:
        return wanted, ()
    _, same = split_same(wanted, rows)
    told = tuple(one for one in same if one.column not in asked and one.column != sort)
    hidden = {one.column for one in told}
    return tuple(column for column in wanted if column not in hidden), told


def _sorted(
    groups: Sequence[Group], columns: Sequence[Column], text: str | None
) -> tuple[Column | None, tuple[Group, ...]]:
    """The groups by the values of a column: numbers, then texts, then NaN; those without a value last, whichever way."""
    if not text:
        return None, tuple(groups)
    is_falling = text.startswith("-") and text not in {column.title for column in columns}
    column = find_column(text[1:] if is_falling else text, columns)
    parts: list[list[tuple[float | str, Group]]] = [[], [], []]
    last: list[Group] = []
    for group in groups:
        value = _sortable(cell_of(group, column))
        if value is None:
            last.append(group)
        else:
            parts[1 if isinstance(value, str) else 2 if value != value else 0].append((value, group))  # noqa: PLR0124
    for part in parts[:2]:
        part.sort(key=lambda pair: pair[0], reverse=is_falling)
    return column, (*(group for part in parts for _, group in part), *last)


def _sortable(cell: Cell) -> float | str | None:
    if isinstance(cell, Mixed):
        return None
    return cell.mean if isinstance(cell, Spread) else cell


def _without_mixed(
    columns: Sequence[Column], groups: Sequence[Group]
) -> tuple[tuple[Column, ...], list[tuple[Cell, ...]]]:
    """The columns with their cells, less those in which no group has one value, such as the argument of a grouped axis."""
    by_column = [(column, [cell_of(group, column) for group in groups]) for column in columns]
    kept = [(column, cells) for column, cells in by_column if not _says_nothing(cells)]
    return tuple(column for column, _ in kept), [tuple(cells[at] for _, cells in kept) for at in range(len(groups))]


def _says_nothing(cells: Sequence[Cell]) -> bool:
    return any(isinstance(cell, Mixed) for cell in cells) and all(
        cell is None or isinstance(cell, Mixed) for cell in cells
    )
