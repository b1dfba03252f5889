"""`traintrack du`: what takes the space of the storage."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.du import DuReport, Group, Share, du
from traintrack.app.environment import open_environment
from traintrack.app.project import open_project
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.columns import table_lines
from traintrack.cli.line import faint
from traintrack.cli.quantity import size_text


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    by: str | None


def run(call: Call, options: Options) -> int:
    """Print a row for each group, the largest first."""
    project = open_project(call.start)
    environment = open_environment(project.workspace, call.env)
    report = du(project, environment, options.patterns, Group(options.by or Group.EXPERIMENT.value))
    if call.json:
        call.document("du/1", {"environment": environment.name, "storage": environment.storage.name, **_fields(report)})
        return 0
    head = ("size", "counted per result", "could go", "results", report.by.value)
    rows = [_row(share) for share in report.shares]
    call.terminal.result(*table_lines(head, [*rows, _row(report.total)] if rows else []))
    if not rows:
        call.terminal.say((faint("  nothing is stored"),))
    return 0


def _row(share: Share) -> tuple[str, ...]:
    logical = size_text(share.logical_bytes) if share.logical_bytes != share.real_bytes else ""
    could_go = size_text(share.could_go_bytes) if share.could_go_bytes else ""
    return size_text(share.real_bytes), logical, could_go, str(share.results), share.name


def _fields(report: DuReport) -> dict[str, JsonValue]:
    groups = [{"name": share.name, **_share(share)} for share in report.shares]
    return {"by": report.by.value, "groups": groups, "total": _share(report.total)}


def _share(share: Share) -> dict[str, JsonValue]:
    return {
        "results": share.results,
        "logical_bytes": share.logical_bytes,
        "real_bytes": share.real_bytes,
        "could_go_bytes": share.could_go_bytes,
    }
