"""`traintrack run`: make targets, or say what would be done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from msgspec import Struct

from traintrack.action.record import Timings
from traintrack.app.answers import RunReport
from traintrack.app.environment import Environment, open_environment
from traintrack.app.project import Project, open_project
from traintrack.app.reasons import reason_text
from traintrack.app.run_plan import RunOptions, plan_run, superseded_by
from traintrack.app.run_targets import run_targets
from traintrack.cli.asked import Asked
from traintrack.cli.call import Call
from traintrack.cli.event_tee import EventTee
from traintrack.cli.events_file import EventsFile, OpenFile, open_file
from traintrack.cli.line import Line, faint, warn
from traintrack.cli.live import LiveProgress
from traintrack.cli.live_screen import ProgressMode, wants_live
from traintrack.cli.progress import Progress
from traintrack.cli.quantity import count_text, names_text
from traintrack.cli.reach import hear_of_reads
from traintrack.cli.run_answer import exit_code, member_plan_lines, plan_fields, plan_lines, run_fields
from traintrack.cli.stopping import stopping
from traintrack.cli.summary import plan_line, summary_lines
from traintrack.cli.terminal import Terminal, Verbosity
from traintrack.cli.trace_file import TimingsOf, Trace, TraceFile
from traintrack.digest import ContentDigest, JsonValue
from traintrack.errors import UsageError
from traintrack.execute.control import RunControl
from traintrack.plan.history import History
from traintrack.ports.events import EventSink
from traintrack.ports.through import Sharing


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    dry_run: bool
    jobs: int | None
    force: bool
    replace: bool
    fail_fast: bool
    fresh: bool
    no_share: bool
    worktree: bool
    sets: tuple[str, ...]
    locked: bool | None
    progress: str | None
    events: str | None
    trace: str | None
    profile: str | None

    def for_run(self) -> RunOptions:
        """Return what the use case wants; without a word, CI is locked."""
        locked = _in_ci() if self.locked is None else self.locked
        sharing = Sharing.ALONE if self.no_share else Sharing.WAIT
        return RunOptions(self.jobs, self.force, self.replace, self.fail_fast, locked, self.fresh, sharing)


def run(call: Call, options: Options) -> int:
    """Run targets and tell how it goes on stderr; the exit code tells how it ended."""
    if options.replace and not options.force:
        raise UsageError("`--replace` goes with `--force`", hint="add --force, or leave --replace out")
    if options.dry_run and (options.events or options.trace):
        hint = "leave -n out, or take `--json` to read the plan"
        raise UsageError("`--events` and `--trace` tell a run, and `-n` runs nothing", hint=hint)
    file = open_file(options.events, json=call.json) if options.events else None
    progress = _progress(call, options, file)
    if file is None:
        return _carry_out(call, options, progress, None)
    with EventsFile(file, partial(_warn, progress.terminal)) as events:
        return _carry_out(call, options, progress, events)


def _carry_out(call: Call, options: Options, progress: Progress | LiveProgress, events: EventsFile | None) -> int:
    project = open_project(
        call.start,
        sets=options.sets,
        worktree=options.worktree,
        requested=options.patterns,
        profile=options.profile,
    )
    environment = open_environment(project.workspace, call.env)
    hear_of_reads(call, environment)
    if options.dry_run:
        return _plan(call, options, project, environment)
    if options.replace:
        _tell_superseded(call, superseded_by(project, environment, options.patterns, options.for_run()))
    with ExitStack() as open_files:
        sinks: list[EventSink] = [events] if events else []
        if options.trace:
            trace = Trace(_timings_reader(environment))
            sinks.append(open_files.enter_context(TraceFile(options.trace, trace, partial(_warn, progress.terminal))))
        report, signalled = _run(options, project, environment, progress, sinks)
    code = exit_code(report, signalled)
    if not all(row.outcome.good for row in report.targets):
        from traintrack.cli.family_failures import family_failure_lines  # noqa: PLC0415  most runs end well

        call.terminal.tell(*family_failure_lines(report, _asked(call, options)))
    call.terminal.say(*summary_lines(report, _asked(call, options)))
    lines, edits = _edits(options, project, [row.label for row in report.targets])
    call.terminal.say(*lines)
    if call.json:
        call.document("run/1", {**run_fields(report), "edits": edits, "exit_code": code})
    return code


def _run(
    options: Options,
    project: Project,
    environment: Environment,
    progress: Progress | LiveProgress,
    sinks: Sequence[EventSink],
) -> tuple[RunReport, int | None]:
    control = RunControl()
    sink = EventTee((*sinks, progress))
    with progress, stopping(control, lambda: progress.is_running, progress.terminal) as came:
        report = run_targets(project, environment, options.patterns, options.for_run(), sink, control)
    return report, came.exit_code


def _progress(call: Call, options: Options, events: OpenFile | None) -> Progress | LiveProgress:
    """Choose how the run is told. Who wants quiet, or events on the terminal, gets no block."""
    mode = ProgressMode(options.progress or "auto")
    is_spoiled = call.terminal.verbosity is Verbosity.QUIET or (events is not None and events.is_terminal)
    if is_spoiled or not wants_live(mode, call.terminal.err, os.environ):
        return Progress(call.terminal, reason_text, asked=_asked(call, options))
    return LiveProgress(call.terminal, reason_text, asked=_asked(call, options))


def _asked(call: Call, options: Options) -> Asked:
    return Asked(call.env, options.profile, options.sets, options.worktree)


def _timings_reader(environment: Environment) -> TimingsOf:
    history = History(environment.storage)

    def timings_of(digest: ContentDigest) -> Timings | None:
        record = history.record(digest)
        return record.timings if record else None

    return timings_of


def _warn(terminal: Terminal, fact: str) -> None:
    terminal.say((warn("warning:"), f" {fact}"))


def _plan(call: Call, options: Options, project: Project, environment: Environment) -> int:
    planned = plan_run(project, environment, options.patterns, options.for_run())
    lines, edits = _edits(options, project, [row.label for row in planned])
    if call.json:
        about = {"profile": options.profile, "edits": edits}
        call.document("plan/1", {**plan_fields(planned, environment.name), **about})
        return 0
    if options.profile is not None:
        call.terminal.say((faint(f"profile {options.profile}"),))
    call.terminal.say(plan_line(list({row.id: row.decision for row in planned}.values())))
    each = call.terminal.verbosity is Verbosity.VERBOSE
    call.terminal.result(*(member_plan_lines(planned) if each else plan_lines(planned)))
    call.terminal.say(*lines)
    return 0


def _edits(options: Options, project: Project, labels: Sequence[str]) -> tuple[list[Line], list[JsonValue]]:
    """The edits of files that keep what `--set` said: for people, and for programs."""
    if not options.sets:
        return [], []
    from traintrack.app.keep_set import keep_sets  # noqa: PLC0415  most runs have no set
    from traintrack.cli.keep_set_answer import edit_fields, edit_lines  # noqa: PLC0415

    edits = keep_sets(project, options.sets, options.patterns, labels)
    return list(edit_lines(edits)), edit_fields(edits)


def _tell_superseded(call: Call, labels: tuple[str, ...]) -> None:
    if labels:
        made = f"{count_text(len(labels), 'result')} made from what is replaced: {names_text(labels)}"
        call.terminal.say((warn("warning:"), f" this supersedes {made}"))


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
