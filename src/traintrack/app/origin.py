"""Where a result comes from that stands here without having been made here, and who executed it: trust follows that."""

from __future__ import annotations

from traintrack.action.cell import Cell, CellState
from traintrack.action.record import Record, encode_record
from traintrack.app.clean_code import judge_code
from traintrack.app.project import Project
from traintrack.app.recorded import ended_of
from traintrack.digest import content_digest
from traintrack.errors import TraintrackError


def home_of(cell: Cell | None) -> str:
    """The storage that has the bytes of a result, empty for one of this storage."""
    done = cell is not None and cell.state is CellState.DONE
    return cell.result.home if done and cell and cell.result else ""


def origin_text(project: Project, home: str, record: Record | None) -> str:
    """Say from where a result is reused, who executed it when, and if its code is clean as far as this repository knows."""
    if record is None:
        return f"reused from {home}"
    who = "@".join(part for part in (record.who.user, record.who.host) if part)
    by = f" by {who}" if who else ""
    on = f" on {ended_of(record)}" if ended_of(record) else ""
    return f"reused from {home}: executed{by}{on}, {_cleanness(project, record)}"


def _cleanness(project: Project, record: Record) -> str:
    digest = content_digest(encode_record(record))
    try:
        return judge_code(project.source, {digest: record})[digest].value
    except TraintrackError:
        return "its code could not be looked for"
