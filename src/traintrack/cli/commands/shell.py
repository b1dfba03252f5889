"""`traintrack shell`: a shell where a task would stand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from msgspec import Struct

from traintrack.app.attempts import attempt_number
from traintrack.app.environment import Environment, open_environment
from traintrack.app.project import Project, open_project
from traintrack.app.shell import (
    Wanted,
    demand_unchanged,
    lay_out,
    repeat_line,
    task_line,
    wanted_attempt,
    wanted_target,
    with_secrets,
    without_secrets,
)
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.line import faint
from traintrack.errors import HostError, UsageError
from traintrack.ports.shell import ShellRequest, Surroundings

_LOOK_AGAIN_S = 0.5
_ASK_TIMES = 20


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    label: str
    attempt: str | None
    print_only: bool
    line: str | None
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Open a shell, carry out one line in it, or print what does so."""
    if call.json and not options.print_only:
        raise UsageError("`--json` goes with `--print`", hint=f"traintrack shell {options.label} --print --json")
    if not options.print_only and options.line is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "there is no terminal to open a shell in",
            code="no-terminal",
            hint=f"traintrack shell {options.label} --print",
        )
    project = open_project(call.start, profile=options.profile)
    environment = open_environment(project.workspace, call.env)
    if options.attempt is None:
        wanted = wanted_target(project, environment, options.label)
    else:
        wanted = wanted_attempt(project, environment, options.label, attempt_number(options.attempt))
    if options.print_only:
        return _print(call, project, environment, wanted, options.line)
    return _open(call, project, environment, wanted, options.line)


def _print(call: Call, project: Project, environment: Environment, wanted: Wanted, line: str | None) -> int:
    """Leave the surroundings where they are, and print what opens a shell there."""
    job = without_secrets(wanted.job)
    request = ShellRequest(job, wanted.partial, line, os.environ.get("TERM"))
    there = lay_out(project, environment, wanted, request).surroundings
    repeat = repeat_line(there, wanted.job.action.secrets)
    for secret in repeat.unset:
        what = f"{secret.name}_FILE, a file with" if secret.as_file else f"{secret.name},"
        call.terminal.say((f"the secret is not part of it; set {what} the value of {secret.source} yourself",))
    if call.json:
        fields: dict[str, JsonValue] = {
            "label": str(wanted.label),
            "id": wanted.job.action.id,
            "attempt": wanted.attempt,
            "line": repeat.line,
            "folder": there.folder,
            "config": there.config,
            "output": there.output,
            "checkpoints": there.checkpoints,
            "partial": None if wanted.partial is None else str(wanted.partial),
            "task": list(there.task),
        }
        call.document("shell/1", fields)
        return 0
    call.terminal.result((repeat.line,))
    call.terminal.say((faint("`traintrack clean` removes what was laid out for it"),))
    return 0


def _open(call: Call, project: Project, environment: Environment, wanted: Wanted, line: str | None) -> int:
    job = with_secrets(project, environment, wanted.job)
    request = ShellRequest(job, wanted.partial, line, os.environ.get("TERM"))
    with _signals() as came:
        laid_out = lay_out(project, environment, wanted, request)
        try:
            if line is None:
                _tell(call, wanted, laid_out.surroundings)
            code = _carry_out(laid_out.surroundings, came)
            demand_unchanged(laid_out, wanted.label)
        finally:
            laid_out.remove()
    if came.number is not None:
        return 128 + came.number
    return 0 if line is None else code


def _tell(call: Call, wanted: Wanted, there: Surroundings) -> None:
    of = "" if wanted.attempt is None else f", attempt {wanted.attempt}"
    rows = [f"{wanted.label}{of}: `exit` removes all that is changed here, and nothing becomes a result"]
    rows += [f"  $CONFIG_YAML        {there.config}", f"  $OUTPUT_DIRECTORY   {there.output}"]
    if wanted.partial is not None:
        rows.append(f"  $PARTIAL_OUTPUT     {wanted.partial}")
    rows.append(f"  the task            {task_line(there)}")
    call.terminal.say(*((faint(row),) for row in rows))


class _Came:
    """The signal that ended the shell, None as long as none did."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.shell: subprocess.Popen[bytes] | None = None

    def take(self, number: int, _: FrameType | None) -> None:
        """Hang up on the shell as its terminal would, so that all is removed in order."""
        self.number = number
        if self.shell is not None:
            self.shell.send_signal(signal.SIGHUP)


@contextmanager
def _signals() -> Iterator[_Came]:
    """Outlive the end of the terminal for as long as tidying takes."""
    came = _Came()
    before = {number: signal.signal(number, came.take) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _carry_out(there: Surroundings, came: _Came) -> int:
    # Ctrl-C is the shell's. A handler and not SIG_IGN, which the shell and all that it starts would inherit.
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        return _exit_code(there, came)
    finally:
        signal.signal(signal.SIGINT, before)


def _exit_code(there: Surroundings, came: _Came) -> int:
    try:
        came.shell = subprocess.Popen(there.command, cwd=there.folder, env=there.variables)
    except OSError as error:
        raise HostError(
            f"`{there.command[0]}` cannot be started: {(error.strerror or str(error)).lower()}",
            code="shell",
            hint="traintrack doctor",
        ) from error
    code = _outlived(came.shell, came)
    return code if code >= 0 else 128 - code


def _outlived(shell: subprocess.Popen[bytes], came: _Came) -> int:
    """Wait for the end of the shell, and see to it once a signal came; return its exit code."""
    asked = 0
    while True:
        try:
            return shell.wait(_LOOK_AGAIN_S)
        except subprocess.TimeoutExpired:
            if came.number is None:
                continue
        # A shell loses the signal that comes between its prompt and its first read.
        asked += 1
        shell.send_signal(signal.SIGHUP if asked < _ASK_TIMES else signal.SIGKILL)
