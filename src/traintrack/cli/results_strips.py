"""The columns of `results` as text of one width each, the numbers below each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from traintrack.app.metrics_columns import Column, Kind
from traintrack.app.metrics_file import Value
from traintrack.app.metrics_groups import Cell, Mixed, Spread
from traintrack.app.metrics_table import Table, TableRow
from traintrack.cli.line import visible
from traintrack.cli.live_text import columns_of, padded
from traintrack.cli.number_text import aligned_at_point, digits_for, number_text, spread_texts
from traintrack.family_name import coordinates_of

NOTHING = "–"
_DIGITS_ALONE = 6
_LONGEST_TEXT = 40


class Strip(Struct, frozen=True):
    """A column as text: its title, a text for each row, all of one width. `column` is None for target and state."""

    title: str
    texts: tuple[str, ...]
    column: Column | None = None

    @property
    def width(self) -> int:
        """How many columns of a terminal it takes."""
        return max(columns_of(text) for text in (self.title, *self.texts))


def value_text(value: Value) -> str:
    """Spell a value that stands alone: a number with six digits, truths as JSON does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return visible(value) if isinstance(value, str) else number_text(value, _DIGITS_ALONE)


def strips_of(table: Table) -> list[Strip]:
    """Return the columns of a table: target, axes, arguments, state, metrics; target and state where they tell something."""
    axes = [(at, column) for at, column in enumerate(table.columns) if column.kind is Kind.AXIS]
    strips = [_axis_strip(table, at, column) for at, column in axes]
    if len(table.targets) > 1 or not axes:
        strips.insert(0, _text_strip("target", [_target_text(table, row) for row in table.rows]))
    state = [_state_text(row) for row in table.rows]
    others = [(at, column) for at, column in enumerate(table.columns) if column.kind is not Kind.AXIS]
    args = [_strip(table, at, column) for at, column in others if column.kind is Kind.ARG]
    metrics = [_strip(table, at, column) for at, column in others if column.kind is Kind.METRIC]
    return [*strips, *args, *([_text_strip("state", state)] if any(state) else []), *metrics]


def _target_text(table: Table, row: TableRow) -> str:
    """The target; where one family is all there is and no axis differs, its member."""
    is_alone = len(table.targets) == 1 and len(row.group.rows) == 1
    return row.group.rows[0].label if is_alone else row.group.target


def _state_text(row: TableRow) -> str:
    """What keeps a row from having all its metrics; of a group each such state with how often it stands there."""
    rows = row.group.rows
    words = Counter(one.problem or one.state.value for one in rows if one.problem or not one.state.has_result)
    if not row.group.over:
        return next(iter(words), "")
    return ", ".join(f"{count} {word}" for word, count in words.items())


def _axis_strip(table: Table, at: int, column: Column) -> Strip:
    """Coordinates are spelled as in labels."""
    names = [dict(coordinates_of(row.group.rows[0].label)).get(column.name, "") for row in table.rows]
    if all(isinstance(row.cells[at], int | float) or row.cells[at] is None for row in table.rows):
        return _number_strip(column, names)
    return _text_strip(column.title, names, column)


def _strip(table: Table, at: int, column: Column) -> Strip:
    cells = [row.cells[at] for row in table.rows]
    if any(isinstance(cell, Spread) for cell in cells):
        return _spread_strip(column, cells)
    numbers = [cell for cell in cells if isinstance(cell, int | float) and not isinstance(cell, bool)]
    digits = digits_for(numbers)
    texts = [_cell_text(cell, digits) for cell in cells]
    return _number_strip(column, texts) if numbers else _text_strip(column.title, texts, column)


def _cell_text(cell: Cell, digits: int) -> str:
    if cell is None:
        return NOTHING
    if isinstance(cell, bool):
        return value_text(cell)
    if isinstance(cell, int | float):
        return number_text(cell, digits)
    if isinstance(cell, str):
        text = visible(cell)
        return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
    return "mixed" if isinstance(cell, Mixed) else number_text(cell.mean, digits)


def _spread_strip(column: Column, cells: Sequence[Cell]) -> Strip:
    """Mean, deviation and count, each aligned for itself."""
    digits = digits_for([cell.mean for cell in cells if isinstance(cell, Spread)])
    parts = [
        (*spread_texts(cell.mean, cell.sd, digits), _count_text(cell)) if isinstance(cell, Spread) else ("", "", "")
        for cell in cells
    ]
    means = aligned_at_point(
        [mean or _cell_text(cell, digits) for (mean, _, _), cell in zip(parts, cells, strict=True)]
    )
    deviations = aligned_at_point([sd for _, sd, _ in parts])
    counts = [count for _, _, count in parts]
    widest = max(map(len, counts))
    texts = [
        f"{mean} {'±' if sd.strip() else ' '} {sd} {count.ljust(widest)}".rstrip()
        for mean, sd, count in zip(means, deviations, counts, strict=True)
    ]
    width = max(map(columns_of, texts))
    return Strip(
        column.title.ljust(width), tuple(padded(text, max(width, columns_of(column.title))) for text in texts), column
    )


def _count_text(cell: Spread) -> str:
    return f"({cell.n})" if cell.n == cell.of else f"({cell.n} of {cell.of})"


def _number_strip(column: Column, texts: Sequence[str]) -> Strip:
    body = aligned_at_point(texts)
    width = max((columns_of(text) for text in (column.title, *body)), default=0)
    lead = {text: " " * (width - columns_of(text)) + text for text in (column.title, *body)}
    return Strip(lead[column.title], tuple(lead[text] for text in body), column)


def _text_strip(title: str, texts: Sequence[str], column: Column | None = None) -> Strip:
    width = max(columns_of(text) for text in (title, *texts))
    return Strip(padded(title, width), tuple(padded(text, width) for text in texts), column)
