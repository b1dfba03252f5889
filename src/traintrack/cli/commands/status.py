"""`traintrack status`: what has a result and what has not."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.answers import TargetStatus
from traintrack.app.environment import open_environment
from traintrack.app.project import open_project
from traintrack.app.status import status
from traintrack.cli.call import Call
from traintrack.cli.line import Line, Painted, bad, busy, faint, good, warn
from traintrack.cli.quantity import size_text, time_text
from traintrack.cli.reach import hear_of_reads

_MARKS = {"cached": good("✓"), "running": busy("●"), "failed": bad("✗"), "stale": warn("◌"), "missing": faint("·")}


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]


def run(call: Call, options: Options) -> int:
    """Print a row for each target: state, label, and what is known about it."""
    project = open_project(call.start)
    environment = open_environment(project.workspace, call.env)
    hear_of_reads(call, environment)
    rows = status(project, environment, options.patterns)
    if call.json:
        call.document("status/1", {"environment": environment.name, "targets": [_fields(row) for row in rows]})
        return 0
    width = max((len(row.label) for row in rows), default=0)
    call.terminal.result(*(_line(row, width) for row in rows))
    return 0


def _line(row: TargetStatus, width: int) -> Line:
    facts = [row.detail, time_text(row.since), "" if row.size_bytes is None else size_text(row.size_bytes)]
    tail = " · ".join(fact for fact in facts if fact)
    mark: Painted = _MARKS.get(row.state, faint("·"))
    head = f" {row.state:<7}  {row.label}"
    return (mark, head.ljust(width + 10) + "  ", faint(tail)) if tail else (mark, head)


def _fields(row: TargetStatus) -> dict[str, str | int | None]:
    return {
        "label": row.label,
        "id": row.id,
        "state": row.state,
        "detail": row.detail,
        "since": row.since or None,
        "size_bytes": row.size_bytes,
        "home": row.home,
    }
