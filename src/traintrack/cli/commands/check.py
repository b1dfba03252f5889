"""`traintrack check`: every error at once."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.check import check
from traintrack.app.project import open_project
from traintrack.cli.call import Call
from traintrack.cli.line import good
from traintrack.cli.quantity import count_text
from traintrack.cli.render import error_lines, one_error, workspace_root
from traintrack.errors import InputError


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]


def run(call: Call, options: Options) -> int:
    """Tell all errors and warnings; the exit code is that of a wrong file if there is an error."""
    report = check(open_project(call.start), options.patterns)
    code = InputError.exit_code if report.errors else 0
    if call.json:
        fields = {"errors": [one_error(e) for e in report.errors], "warnings": [one_error(w) for w in report.warnings]}
        call.document("check/1", {"experiments": report.experiments, "targets": report.targets, **fields})
        return code
    root = workspace_root(call.start)
    if report.warnings:
        call.terminal.tell(*error_lines(report.warnings, root, word="warning"), ())
    call.terminal.tell(*error_lines(report.errors, root))
    looked_at = f"{count_text(report.targets, 'target')} in {count_text(report.experiments, 'experiment')}"
    if not report.errors:
        call.terminal.result((good("✓"), f" {looked_at}: no errors"))
    return code
