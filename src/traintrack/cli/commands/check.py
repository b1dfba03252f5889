"""`traintrack check`: every error at once."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from traintrack.app.answers import CheckReport
from traintrack.app.check import Freshness, check
from traintrack.app.project import open_project
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.line import good
from traintrack.cli.quantity import count_text
from traintrack.cli.render import error_lines, one_error, workspace_root
from traintrack.errors import GateError, InputError


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    fresh: bool = False
    profile: str | None = None


def run(call: Call, options: Options) -> int:
    """Tell all errors and warnings; the exit code is that of a wrong file if there is an error, else of a stale source."""
    fresh = Freshness(datetime.now(UTC), lambda text: call.terminal.say((text,))) if options.fresh else None
    report = check(open_project(call.start, profile=options.profile), options.patterns, fresh)
    code = _exit_code(report)
    if call.json:
        fields = {"errors": [one_error(e) for e in report.errors], "warnings": [one_error(w) for w in report.warnings]}
        stale: JsonValue = [one_error(e) for e in report.stale]
        counts = {"experiments": report.experiments, "targets": report.targets}
        call.document("check/1", {**counts, **fields, "stale": stale})
        return code
    root = workspace_root(call.start)
    if report.warnings:
        call.terminal.tell(*error_lines(report.warnings, root, word="warning"), ())
    call.terminal.tell(*error_lines([*report.errors, *report.stale], root))
    looked_at = f"{count_text(report.targets, 'target')} in {count_text(report.experiments, 'experiment')}"
    if not report.errors and not report.stale:
        call.terminal.result((good("✓"), f" {looked_at}: no errors"))
    return code


def _exit_code(report: CheckReport) -> int:
    if report.errors:
        return InputError.exit_code
    codes = {error.exit_code for error in report.stale}
    # What is known to be stale counts for more than what could not be asked.
    return GateError.exit_code if GateError.exit_code in codes else max(codes, default=0)
