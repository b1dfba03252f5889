"""The table of `results` as lines: what is told once, a head, and a line for each row."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from traintrack.app.metrics_columns import Column, Kind, value_at
from traintrack.app.metrics_file import Value
from traintrack.app.metrics_groups import Cell, Mixed, Spread
from traintrack.app.metrics_table import Table, TableRow
from traintrack.app.result_row import State
from traintrack.cli.line import Line, faint, strong, visible
from traintrack.cli.number_text import aligned_at_point, digits_for, number_text, spread_texts
from traintrack.family_name import coordinates_of

NOTHING = "–"
_GAP = "  "


class _Strip(Struct, frozen=True):
    """A column as text: its title, a text for each row, all of one width. `column` is None for target and state."""

    title: str
    texts: tuple[str, ...]
    column: Column | None = None

    @property
    def width(self) -> int:
        return max(_width(text) for text in (self.title, *self.texts))


def results_lines(table: Table, columns: int | None) -> list[Line]:
    """Return the lines of a table; in a terminal of so many columns what does not fit is left out, and named."""
    strips = _strips(table)
    kept, dropped = _fitting(strips, columns, table.sorted_by)
    lines: list[Line] = []
    if table.same:
        lines.append((faint("all: " + " · ".join(f"{one.column.title}={value_text(one.value)}" for one in table.same)),))
    if table.over:
        lines.append((faint(f"mean ± sd over {', '.join(table.over)} (how many); --each shows them one by one"),))
    if lines:
        lines.append(())
    lines.append((faint(_line([strip.title for strip in kept])),))
    is_ranked = table.sorted_by is not None and table.sorted_by.kind is Kind.METRIC
    for number in range(len(table.rows)):
        text = _line([strip.texts[number] for strip in kept])
        lines.append((strong(text),) if is_ranked and number == 0 else (text,))
    if dropped:
        names = [strip.title.strip() for strip in dropped]
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        lines += [(), (faint(f"left out, as the terminal is narrow: {shown}; take --columns {names[0]}, or --csv"),)]
    return lines


def value_text(value: Value) -> str:
    """Spell a value that stands alone: a number in full, truths as JSON does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return visible(value) if isinstance(value, str) else number_text(value, 17 if _is_short(value) else 6)


def _strips(table: Table) -> list[_Strip]:
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


def _axis_strip(table: Table, at: int, column: Column) -> _Strip:
    """Coordinates are spelled as in labels."""
    names = [dict(coordinates_of(row.group.rows[0].label)).get(column.name, "") for row in table.rows]
    if all(isinstance(row.cells[at], int | float) or row.cells[at] is None for row in table.rows):
        return _number_strip(column, names)
    return _text_strip(column.title, names, column)


def _strip(table: Table, at: int, column: Column) -> _Strip:
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
        return visible(cell)
    return "mixed" if isinstance(cell, Mixed) else number_text(cell.mean, digits)


def _spread_strip(column: Column, cells: Sequence[Cell]) -> _Strip:
    """Mean, deviation and count, each aligned for itself."""
    digits = digits_for([cell.mean for cell in cells if isinstance(cell, Spread)])
    parts = [
        (*spread_texts(cell.mean, cell.sd, digits), _count_text(cell)) if isinstance(cell, Spread) else ("", "", "")
        for cell in cells
    ]
    means = aligned_at_point([mean or _cell_text(cell, digits) for (mean, _, _), cell in zip(parts, cells, strict=True)])
    deviations = aligned_at_point([sd for _, sd, _ in parts])
    counts = [count for _, _, count in parts]
    widest = max(map(len, counts))
    texts = [
        f"{mean} {'±' if sd.strip() else ' '} {sd} {count.ljust(widest)}".rstrip()
        for mean, sd, count in zip(means, deviations, counts, strict=True)
    ]
    width = max(map(_width, texts))
    return _Strip(column.title.ljust(width), tuple(_padded(text, max(width, _width(column.title))) for text in texts), column)


def _count_text(cell: Spread) -> str:
    return f"({cell.n})" if cell.n == cell.of else f"({cell.n} of {cell.of})"


def _number_strip(column: Column, texts: Sequence[str]) -> _Strip:
    body = aligned_at_point(texts)
    width = max((_width(text) for text in (column.title, *body)), default=0)
    lead = {text: " " * (width - _width(text)) + text for text in (column.title, *body)}
    return _Strip(lead[column.title], tuple(lead[text] for text in body), column)


def _text_strip(title: str, texts: Sequence[str], column: Column | None = None) -> _Strip:
    width = max(_width(text) for text in (title, *texts))
    return _Strip(_padded(title, width), tuple(_padded(text, width) for text in texts), column)


def _fitting(strips: Sequence[_Strip], columns: int | None, first: Column | None) -> tuple[list[_Strip], list[_Strip]]:
    """The columns that fit, and those that do not: they go from the right, but never axes, nor what is sorted by."""
    kept, dropped = list(strips), []
    for strip in reversed(strips):
        if columns is None or sum(one.width + len(_GAP) for one in kept) - len(_GAP) <= columns:
            break
        if strip.column is not None and strip.column.kind is not Kind.AXIS and strip.column != first:
            kept.remove(strip)
            dropped.insert(0, strip)
    return kept, dropped


def _line(texts: Sequence[str]) -> str:
    return _GAP.join(texts).rstrip()


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _is_short(value: float) -> bool:
    return len(repr(value)) <= 8


def _width(text: str) -> int:
    """Count the columns that a terminal gives to printable text: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )
