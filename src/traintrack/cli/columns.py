"""Rows of text in columns: numbers to the right, the last column as long as it likes."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.cli.line import Line, faint


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Line]:
    """Lay rows out under a faint head, the last column to the left, the others to the right; empty without rows.

    A column in which nothing stands is left out.
    """
    if not rows:
        return []
    shown = [n for n in range(len(head)) if n == len(head) - 1 or any(row[n] for row in rows)]
    widths = {n: max(len(head[n]), *(len(row[n]) for row in rows)) for n in shown}

    def line(cells: Sequence[str]) -> str:
        return "  ".join(cells[n] if n == shown[-1] else cells[n].rjust(widths[n]) for n in shown).rstrip()

    return [(faint(line(head)),), *((line(row),) for row in rows)]
