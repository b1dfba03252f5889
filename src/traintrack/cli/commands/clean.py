"""`traintrack clean`: what dead runs left behind."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.clean import AttemptScope, clean
from traintrack.app.environment import open_environment
from traintrack.app.project import open_project
from traintrack.cli.call import Call
from traintrack.cli.line import good
from traintrack.cli.quantity import count_text, size_text


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    dry_run: bool
    attempts: bool


def run(call: Call, options: Options) -> int:
    """Print a path a line, and how much it is."""
    project = open_project(call.start)
    scope = AttemptScope.ALL if options.attempts else AttemptScope.OLD
    report = clean(open_environment(project.workspace, call.env), scope, dry_run=options.dry_run)
    if call.json:
        fields = {"size_bytes": report.size_bytes, "dry_run": report.dry_run}
        call.document("clean/1", {"removed": list(report.removed), **fields})
        return 0
    call.terminal.result(*((path,) for path in report.removed))
    verb = "would remove" if report.dry_run else "removed"
    what = f"{count_text(len(report.removed), 'leftover')}, {size_text(report.size_bytes)}"
    call.terminal.say((good("✓"), f" {verb} {what}" if report.removed else " nothing is left over"))
    return 0
