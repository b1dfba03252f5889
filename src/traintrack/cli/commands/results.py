"""`traintrack results`: the table of axes and metrics."""

from __future__ import annotations

import os

from msgspec import Struct

from traintrack.app.environment import open_environment
from traintrack.app.metrics_table import Kept, Shown, View, make_table
from traintrack.app.project import open_project
from traintrack.app.results import Arguments, Results, results
from traintrack.cli.call import Call
from traintrack.cli.line import Line, faint, warn
from traintrack.cli.quantity import count_text, names_text
from traintrack.cli.reach import hear_of_reads
from traintrack.cli.results_csv import csv_bytes, group_fields, row_fields
from traintrack.cli.results_table import results_lines
from traintrack.cli.terminal import Terminal
from traintrack.errors import UsageError

_PROBLEMS = 5


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    file: str | None
    sort: str | None
    columns: str | None
    all_columns: bool
    args: bool
    over: str | None
    each: bool
    done: bool
    csv: bool
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print a row for each target or member, with its coordinates and metrics."""
    _demand_sense(call, options)
    project = open_project(call.start, profile=options.profile)
    environment = open_environment(project.workspace, call.env)
    hear_of_reads(call, environment)
    arguments = Arguments.ALL if options.args else Arguments.DIFFERING
    found = results(project, environment, options.patterns, file=options.file, arguments=arguments)
    table = make_table(found.rows, _view(options))
    call.terminal.say(*_remarks(found))
    if call.json:
        rows = [row_fields(one) for row in table.rows for one in row.group.rows]
        groups = list(group_fields(table)) if table.over else []
        fields = {"environment": environment.name, "profile": options.profile, "rows": rows}
        call.document("results/1", {**fields, "over": table.over, "groups": groups})
    elif options.csv:
        call.terminal.raw(csv_bytes(table))
    else:
        call.terminal.result(*results_lines(table, _columns(call.terminal)))
    return 0


def _demand_sense(call: Call, options: Options) -> None:
    if options.csv and call.json:
        raise UsageError("`--csv` and `--json` exclude each other", hint="leave one of them out")
    if options.each and options.over is not None:
        raise UsageError("`--each` and `--over` exclude each other", hint="leave one of them out")


def _view(options: Options) -> View:
    over = None if options.over is None else _names(options.over)
    if over is None and (options.each or options.csv):
        over = ()
    return View(
        over,
        options.sort,
        None if options.columns is None else _names(options.columns),
        Shown.ALL if options.all_columns or options.csv else Shown.DIFFERING,
        Kept.WITH_RESULT if options.done else Kept.ALL,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _remarks(found: Results) -> list[Line]:
    """What has no row, and whose metrics cannot be read."""
    bad = [row for row in found.rows if row.problem]
    lines: list[Line] = [
        (warn("warning:"), f" `{row.label}` has an {row.problem}: {row.detail}") for row in bad[:_PROBLEMS]
    ]
    if len(bad) > _PROBLEMS:
        lines.append((warn("warning:"), f" so have {len(bad) - _PROBLEMS} more"))
    if found.without:
        words = f"{count_text(len(found.without), 'target')} without metrics: {names_text(found.without)}"
        lines.append((faint(words),))
    return lines


def _columns(terminal: Terminal) -> int | None:
    """How wide the terminal is; None where the table goes elsewhere."""
    if not terminal.out.isatty():
        return None
    try:
        return os.get_terminal_size(terminal.out.fileno()).columns or None
    except (OSError, ValueError):
        return None
