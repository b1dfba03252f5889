"""`traintrack verify`: damage, found and set aside; or one target, made again and compared."""

from __future__ import annotations

import re
import secrets
import time

from msgspec import Struct

from traintrack.app.environment import Environment, open_environment
from traintrack.app.project import Project, open_project
from traintrack.app.reasons import reason_text
from traintrack.app.verify import VerifyOptions, verify
from traintrack.app.verify_rebuild import rebuild
from traintrack.cli.call import Call
from traintrack.cli.line import faint
from traintrack.cli.progress import Progress
from traintrack.cli.stopping import stopping
from traintrack.cli.terminal import Terminal
from traintrack.cli.verify_answer import (
    closing_lines,
    cost_text,
    finding_lines,
    looked_text,
    rebuild_fields,
    rebuild_lines,
    verify_fields,
)
from traintrack.errors import IntegrityError, UsageError
from traintrack.execute.control import RunControl
from traintrack.ports.verify import Cost, Depth, Looked

_SHARE = re.compile(r"(\d+(?:\.\d+)?)%\Z", re.ASCII)
_TELL_EACH_S = 10.0


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    quick: bool
    data: bool
    sample: str | None
    repair: bool
    rebuild: str | None
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print a line for each finding; the exit code is that of refused bytes if something is wrong at the end."""
    wanted = _wanted(options)
    project = open_project(call.start, profile=options.profile)
    environment = open_environment(project.workspace, call.env)
    if options.rebuild is not None:
        return _rebuild(call, project, environment, options.rebuild)
    telling = _Telling(call.terminal)
    answer = verify(project, environment, options.patterns, wanted, telling.tell, telling.warn)
    code = IntegrityError.exit_code if answer.left else 0
    if call.json:
        call.document("verify/1", verify_fields(answer))
        return code
    call.terminal.result(*finding_lines(answer))
    lines = tuple(closing_lines(answer, repaired=options.repair))
    (call.terminal.tell if answer.survey.findings else call.terminal.say)(*lines)
    return code


def _rebuild(call: Call, project: Project, environment: Environment, text: str) -> int:
    control = RunControl()
    progress = Progress(call.terminal, reason_text)
    with progress, stopping(control, lambda: progress.is_running, call.terminal) as came:
        answer = rebuild(project, environment, text, progress, control)
    if call.json:
        call.document("verify-rebuild/1", rebuild_fields(answer))
    else:
        call.terminal.result(*rebuild_lines(answer))
    if came.exit_code is not None:
        return came.exit_code
    return IntegrityError.exit_code if answer.differing else 0


def _wanted(options: Options) -> VerifyOptions:
    """Join the options, or say which of them exclude each other."""
    if options.rebuild is not None:
        others = options.patterns or options.quick or options.data or options.sample or options.repair
        if others:
            raise UsageError("`--rebuild` stands alone", hint="traintrack verify --rebuild LABEL")
    if options.quick and (options.data or options.sample is not None):
        raise UsageError("`--quick` hashes nothing", hint="leave it out, or `--data` and `--sample`")
    share = 1.0 if options.sample is None else _share(options.sample)
    depth = Depth.QUICK if options.quick else Depth.DATA
    return VerifyOptions(depth, share, secrets.token_hex(4) if share < 1.0 else "", options.repair)


def _share(text: str) -> float:
    found = _SHARE.match(text)
    share = float(found[1]) / 100 if found else 0.0
    if not 0.0 < share <= 1.0:
        raise UsageError(f"`{text}` is no share", code="bad-share", hint="write a percentage, such as `--sample 1%`")
    return share


class _Telling:
    """Says every ten seconds how far the look is."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._told_s = time.monotonic()

    def warn(self, cost: Cost) -> None:
        """Say what is about to be read."""
        self._terminal.say((cost_text(cost),))

    def tell(self, looked: Looked) -> None:
        """Hear how far it is."""
        now_s = time.monotonic()
        if now_s - self._told_s >= _TELL_EACH_S:
            self._told_s = now_s
            self._terminal.say((faint(looked_text(looked)),))
