"""The table of `results` as lines: what is told once, a head, and a line for each row."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.app.metrics_columns import Column, Kind
from traintrack.app.metrics_table import Table
from traintrack.cli.line import Line, faint, strong
from traintrack.cli.quantity import names_text
from traintrack.cli.results_strips import Strip, strips_of, value_text

_GAP = "  "


def results_lines(table: Table, columns: int | None) -> list[Line]:
    """Return the lines of a table; in a terminal of so many columns what does not fit is left out, and named."""
    strips = strips_of(table)
    kept, dropped = _fitting(strips, columns, table.sorted_by)
    lines: list[Line] = []
    if table.same:
        lines.append(
            (faint("all: " + " · ".join(f"{one.column.title}={value_text(one.value)}" for one in table.same)),)
        )
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
        how = f"--columns {names[0]} shows one of them, --csv all"
        lines += [(), (faint(f"left out, as the terminal is narrow: {names_text(names, 5)}; {how}"),)]
    return lines


def _fitting(strips: Sequence[Strip], columns: int | None, first: Column | None) -> tuple[list[Strip], list[Strip]]:
    """The columns that fit, and those that do not: they go from the right, but never axes, nor what is sorted by."""
    kept: list[Strip] = list(strips)
    dropped: list[Strip] = []
    for strip in reversed(strips):
        if columns is None or sum(one.width + len(_GAP) for one in kept) - len(_GAP) <= columns:
            break
        if strip.column is not None and strip.column.kind is not Kind.AXIS and strip.column != first:
            kept.remove(strip)
            dropped.insert(0, strip)
    return kept, dropped


def _line(texts: Sequence[str]) -> str:
    return _GAP.join(texts).rstrip()
