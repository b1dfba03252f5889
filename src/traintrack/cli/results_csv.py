"""The table of `results` for programs: CSV (RFC 4180) and the fields of a JSON document, numbers in full."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping

from traintrack.app.metrics_columns import Column, Kind
from traintrack.app.metrics_file import Value
from traintrack.app.metrics_groups import Cell, Group, Mixed, Spread, cell_of
from traintrack.app.metrics_table import Table
from traintrack.app.result_row import ResultRow
from traintrack.cli.call import JsonValue


def csv_bytes(table: Table) -> bytes:
    """Return a head and a line for each row in UTF-8; nothing stands for what a row has not.

    A metric of a grouped table is three columns: mean, standard deviation, and of how many.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    spreading = {
        column
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if isinstance(cell, Spread)
    }
    lead = ("target", "members", "results") if table.over else ("label", "id", "state")
    writer.writerow([*lead, *(title for column in table.columns for title in _titles(column, column in spreading))])
    for row in table.rows:
        cells = zip(table.columns, row.cells, strict=True)
        writer.writerow(
            [*_lead(table, row.group), *(text for column, cell in cells for text in _texts(cell, column in spreading))]
        )
    return text.getvalue().encode("utf-8", "backslashreplace")


def row_fields(row: ResultRow) -> dict[str, JsonValue]:
    """Return a row as JSON; numbers that JSON has no word for are the texts `nan`, `inf` and `-inf`."""
    return {
        "label": row.label,
        "id": row.id,
        "state": row.state.value,
        "coordinates": {name: _json(value) for name, value in row.coordinates.items()},
        "args": {name: _json(value) for name, value in row.args.items()},
        "metrics": {name: _json(value) for name, value in row.metrics.items()},
        "problem": f"{row.problem}: {row.detail}" if row.problem else None,
    }


def group_fields(table: Table) -> Iterator[dict[str, JsonValue]]:
    """Yield the groups of a table as JSON: the numbers among the metrics, whatever columns are shown."""
    for row in table.rows:
        rows = row.group.rows
        names = dict.fromkeys(name for one in rows for name in one.metrics)
        cells = {name: cell_of(row.group, Column(Kind.METRIC, name, name)) for name in names}
        shared = {name: value for name, value in rows[0].coordinates.items() if name not in row.group.over}
        yield {
            "target": row.group.target,
            "coordinates": {name: _json(value) for name, value in shared.items()},
            "members": len(rows),
            "results": row.group.with_result,
            "metrics": {name: spread for name, cell in cells.items() if (spread := _spread_fields(cell)) is not None},
        }


def _lead(table: Table, group: Group) -> tuple[str, ...]:
    if table.over:
        return group.target, str(len(group.rows)), str(group.with_result)
    row = group.rows[0]
    return row.label, row.id, row.problem or row.state.value


def _titles(column: Column, is_spreading: bool) -> tuple[str, ...]:  # noqa: FBT001 - of a column, not of the caller's wish
    if not is_spreading:
        return (column.title,)
    return f"{column.title}.mean", f"{column.title}.sd", f"{column.title}.n"


def _texts(cell: Cell, is_spreading: bool) -> tuple[str, ...]:  # noqa: FBT001 - as above
    if not is_spreading:
        return (_text(cell),)
    if isinstance(cell, Spread):
        return _text(cell.mean), _text(cell.sd), str(cell.n)
    return _text(cell), "", ""


def _text(cell: Cell) -> str:
    if cell is None or isinstance(cell, Mixed | Spread):
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell if isinstance(cell, str) else repr(cell)


def _spread_fields(cell: Cell) -> Mapping[str, JsonValue] | None:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return {"mean": _json(cell), "sd": None, "n": 1}
    if not isinstance(cell, Spread):
        return None
    return {"mean": _json(cell.mean), "sd": _json(cell.sd), "n": cell.n}


def _json(value: Value | None) -> JsonValue:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
