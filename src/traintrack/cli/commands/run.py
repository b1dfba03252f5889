"""`traintrack run`: make targets, or say what would be done."""

from __future__ import annotations

import os
from dataclasses import dataclass

from traintrack.app.answers import RunReport
from traintrack.app.environment import Environment, open_environment
from traintrack.app.project import Project, open_project
from traintrack.app.reasons import reason_text
from traintrack.app.run_targets import RunOptions, plan_run, run_targets, superseded_by
from traintrack.cli.call import Call
from traintrack.cli.line import warn
from traintrack.cli.progress import Progress
from traintrack.cli.quantity import count_text, names_text
from traintrack.cli.run_answer import exit_code, plan_fields, plan_lines, run_fields
from traintrack.cli.stopping import stopping
from traintrack.cli.summary import plan_line, summary_lines
from traintrack.errors import UsageError
from traintrack.execute.control import RunControl


@dataclass(frozen=True, slots=True)
class Options:
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    dry_run: bool
    jobs: int | None
    force: bool
    replace: bool
    fail_fast: bool
    fresh: bool
    worktree: bool
    sets: tuple[str, ...]
    locked: bool | None

    def for_run(self) -> RunOptions:
        """Return what the use case wants; without a word, CI is locked."""
        locked = _in_ci() if self.locked is None else self.locked
        return RunOptions(self.jobs, self.force, self.replace, self.fail_fast, locked, self.fresh)


def run(call: Call, options: Options) -> int:
    """Run targets and tell how it goes on stderr; the exit code tells how it ended."""
    if options.replace and not options.force:
        raise UsageError("`--replace` goes with `--force`", hint="add --force, or leave --replace out")
    project = open_project(call.start, sets=options.sets, worktree=options.worktree, requested=options.patterns)
    environment = open_environment(project.workspace, call.env)
    if options.dry_run:
        return _plan(call, options, project, environment)
    if options.replace:
        _tell_superseded(call, superseded_by(project, environment, options.patterns, options.for_run()))
    report, signalled = _run(call, options, project, environment)
    code = exit_code(report, signalled)
    call.terminal.say(*summary_lines(report))
    if call.json:
        call.document("run/1", {**run_fields(report), "exit_code": code})
    return code


def _run(call: Call, options: Options, project: Project, environment: Environment) -> tuple[RunReport, int | None]:
    control = RunControl()
    progress = Progress(call.terminal, reason_text)
    with progress, stopping(control, lambda: progress.is_running, call.terminal) as came:
        report = run_targets(project, environment, options.patterns, options.for_run(), progress, control)
    return report, came.exit_code


def _plan(call: Call, options: Options, project: Project, environment: Environment) -> int:
    planned = plan_run(project, environment, options.patterns, options.for_run())
    if call.json:
        call.document("plan/1", plan_fields(planned, environment.name))
        return 0
    call.terminal.say(plan_line([row.decision for row in planned]))
    call.terminal.result(*plan_lines(planned))
    return 0


def _tell_superseded(call: Call, labels: tuple[str, ...]) -> None:
    if labels:
        made = f"{count_text(len(labels), 'result')} made from what is replaced: {names_text(labels)}"
        call.terminal.say((warn("warning:"), f" this supersedes {made}"))


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
