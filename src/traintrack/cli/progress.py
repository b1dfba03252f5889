"""A run as it goes, in plain lines on stderr: each state once, and a sign of life when nothing changes.

`cli/live.py` draws a block below them, and then only endings become lines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.event import (
    AttemptFailed,
    Event,
    Notice,
    RunFinished,
    RunStarted,
    TargetFinished,
    TargetProgress,
    TargetStarted,
    TargetWaiting,
)
from traintrack.action.failure import FailureClass
from traintrack.action.plan import Decision, Outcome, Plan, Reason
from traintrack.cli.asked import AS_IT_IS, Asked
from traintrack.cli.failure_block import blocked_by, failure_block
from traintrack.cli.family_plan import planned_families
from traintrack.cli.family_tally import FamilyTally
from traintrack.cli.line import Line, bad, busy, faint, good, warn
from traintrack.cli.quantity import duration_text, names_text, time_text
from traintrack.cli.summary import plan_line
from traintrack.cli.terminal import Terminal, Verbosity
from traintrack.family_name import by_row

HEARTBEAT_S = 60.0
_LABEL_COLUMNS = 40


class Told(Enum):
    """What becomes a line: every change of state, or only what does not change any more, as above a live block."""

    ALL = "all"
    ENDINGS = "endings"


class Running(Struct, frozen=True):
    """A target under way: its label, and when it began on the monotonic clock."""

    label: str
    since_s: float


class Waiting(Struct, frozen=True):
    """A target that another run holds: its line without what its task says of itself, and that."""

    label: str
    line: Line
    progress: str


class Progress:
    """An event sink that tells a run. Use it as a context: the sign of life ends with it.

    `emit` may come from any thread, one at a time; lines of the sign of life never cut into others.
    """

    def __init__(
        self,
        terminal: Terminal,
        reason_text: Callable[[Reason], str],
        now_s: Callable[[], float] = time.monotonic,
        told: Told = Told.ALL,
        asked: Asked = AS_IT_IS,
    ) -> None:
        self.terminal = terminal
        self._told = told
        self._reason_text = reason_text
        self._now_s = now_s
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, name="heartbeat", daemon=True)
        self._plan: Plan | None = None
        self._asked = asked
        self._is_over = False
        self._began_s = self._spoke_s = now_s()
        self._running: dict[str, Running] = {}
        self._waiting: dict[str, Waiting] = {}
        self._finished: dict[str, TargetFinished] = {}
        self._families = FamilyTally()

    def __enter__(self) -> Self:
        if self._told is Told.ALL:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def emit(self, event: Event) -> None:
        """Take an event and print what it changes."""
        with self._lock:
            lines = self._lines(event)
            if lines:
                self._spoke_s = self._now_s()
                self.terminal.say(*lines)
            if isinstance(event, RunFinished):
                self._is_over = True
                self.terminal.tell(*self._failures())

    def beat(self) -> None:
        """Print the sign of life if nothing was printed for a while."""
        with self._lock:
            if self._plan is None or self._now_s() - self._spoke_s < HEARTBEAT_S:
                return
            self._spoke_s = self._now_s()
            self.terminal.say(self._life())

    def _keep_beating(self) -> None:
        while not self._over.wait(HEARTBEAT_S / 4):
            self.beat()

    def _lines(self, event: Event) -> list[Line]:
        match event:
            case RunStarted():
                return self._start(event)
            case TargetStarted():
                return self._target_started(event)
            case TargetProgress():
                return []
            case TargetWaiting():
                return self._wait(event)
            case AttemptFailed():
                return [attempt_line(event)] if event.retry_in_s is not None else []
            case Notice() if event.level == "command" and not self._verbose:
                return []
            case Notice():
                tone = warn if event.level != "note" else faint
                return [(tone(f"{event.level}:"), f" {event.message}")]
            case TargetFinished():
                return self._target_finished(event)
            case RunFinished():
                return [sum_line(name, words) for name, words in self._families.rest() if self._tells_sum(name)]

    def _start(self, event: RunStarted) -> list[Line]:
        self._plan = event.plan
        self._began_s = self._spoke_s = self._now_s()
        steps = event.plan.steps
        graph = event.plan.graph
        self._families = FamilyTally(graph.label_of(id_) for id_ in steps)
        decisions = [step.decision for step in steps.values()]
        if all(decision is Decision.REUSE for decision in decisions) and not self._verbose:
            return [(faint(f"profile {event.profile}"),)] if event.profile else []
        where = f" · env {event.environment}" if event.environment else ""
        profile = f" · profile {event.profile}" if event.profile else ""
        return [
            (faint(f"run {event.run}{where}{profile}"),),
            plan_line(decisions),
            *planned_families(event.plan, self._reason_text),
        ]

    def _wait(self, event: TargetWaiting) -> list[Line]:
        """A line for each holder and phase; how far it is comes with the sign of life."""
        line, before = waiting_line(replace(event, progress="")), self._waiting.get(event.label)
        self._waiting[event.label] = Waiting(event.label, line, event.progress)
        is_told = before is not None and before.line == line
        return [waiting_line(event)] if self._told is Told.ALL and not is_told else []

    def _target_started(self, event: TargetStarted) -> list[Line]:
        self._waiting.pop(event.label, None)
        self._running[event.label] = Running(event.label, self._now_s())
        if self._told is Told.ENDINGS:
            return []
        again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
        resumed = ", after a run that died" if event.resumed else ""
        return [
            (busy("●"), f" {_column(event.label)} started{again}{resumed}  ", faint(self._reason_text(event.reason)))
        ]

    def _target_finished(self, event: TargetFinished) -> list[Line]:
        started = self._running.pop(event.label, None) is not None
        self._waiting.pop(event.label, None)
        self._finished[event.label] = event
        told = started or self._verbose or event.outcome in (Outcome.FAILED, Outcome.SAME_INPUTS, Outcome.SHARED)
        is_told = told and not self._families.sums(event.label, event.outcome)
        family = self._families.end(event.label, event.outcome)
        lines = [finished_line(event)] if is_told else []
        return [*lines, sum_line(*family)] if family is not None and self._tells_sum(family[0]) else lines

    def _tells_sum(self, name: str) -> bool:
        """A family that stood already is told like a target that did: only if asked for."""
        return self._verbose or not self._families.is_all_cached(name)

    def _failures(self) -> list[Line]:
        """The blocks of all failures, of a family that of the first; the last thing before the summary; the line of a target alone came earlier."""
        blocks = blocked_by(self._finished)
        failed = [event for event in self._finished.values() if event.outcome is Outcome.FAILED]
        lines: list[Line] = []
        for event, *others in by_row(failed, lambda event: event.label).values():
            action = self._plan.graph.actions.get(event.id) if self._plan else None
            blocked = {label for one in (event, *others) for label in blocks.get(one.label, ())}
            more = tuple(one.label for one in others)
            lines += [(), *failure_block(event, action, sorted(blocked), more, self._asked)]
        return [*lines, ()] if lines else []

    def _life(self) -> Line:
        now_s = self._now_s()
        running = sorted(self._running.values(), key=lambda one: one.since_s)
        parts = [f"{len(self._finished)} of {len(self._plan.steps) if self._plan else 0} done"]
        if running:
            names = [f"{one.label} {duration_text(now_s - one.since_s)}" for one in running]
            parts.append(f"{len(running)} running: {names_text(names, 2)}")
        if self._waiting:
            waits = sorted(self._waiting.values(), key=lambda one: one.label)
            names = [f"{one.label} ({one.progress})" if one.progress else one.label for one in waits]
            parts.append(f"{len(waits)} waiting: {names_text(names, 2)}")
        return (faint(f"… {' · '.join(parts)} · {duration_text(now_s - self._began_s)}"),)

    @property
    def is_running(self) -> bool:
        """Tell if a run has begun and is not over; asked by signal handlers, so without the lock."""
        return self._plan is not None and not self._is_over

    @property
    def _verbose(self) -> bool:
        return self.terminal.verbosity is Verbosity.VERBOSE


def sum_line(name: str, words: str) -> Line:
    """Return the line of what was reused of a family."""
    return (good("✓"), f" {_column(name)} {words}")


def waiting_line(event: TargetWaiting) -> Line:
    """Return the line of a target that another run holds."""
    who = f"{event.user}@{event.host}" if event.host else event.user
    since = f", since {time_text(event.since)}" if event.since else ""
    phase = f", {event.phase}" if event.phase else ""
    progress = f" · {event.progress}" if event.progress else ""
    return (warn("◌"), f" {_column(event.label)} waiting for {who} (run {event.run}{since}{phase}){progress}")


def attempt_line(event: AttemptFailed) -> Line:
    """Return the line of an attempt that failed and is made again."""
    again = f"again in {duration_text(event.retry_in_s or 0.0)}" if event.retry_in_s else "again at once"
    try:
        words = FailureClass(event.failure).words
    except ValueError:
        words = event.failure
    fact = f": {event.message}" if event.message and event.message != words else ""
    return (warn("◌"), f" {_column(event.label)} attempt {event.attempt} failed, {again}  ", faint(f"{words}{fact}"))


def finished_line(event: TargetFinished) -> Line:
    """Return the line of a target that ended."""
    label, took = _column(event.label), duration_text(event.duration_s)
    match event.outcome:
        case Outcome.EXECUTED:
            return (good("✓"), f" {label} executed  {took}")
        case Outcome.REUSED:
            return (good("✓"), f" {label} cached")
        case Outcome.SAME_INPUTS:
            return (good("="), f" {label} same inputs as before")
        case Outcome.SHARED:
            by = f"  {', '.join(event.because)}" if event.because else ""
            return (good("✓"), f" {label} made by another run{by}")
        case Outcome.FAILED:
            code = f"exit {event.exit_code} · " if event.exit_code is not None else ""
            return (bad("✗"), f" {label} failed  {code}{took}")
        case Outcome.BLOCKED:
            return (bad("✗"), f" {label} blocked by {names_text(event.because)}")
        case Outcome.CANCELLED:
            return (warn("◌"), f" {label} cancelled")


def _column(label: str) -> str:
    return label.ljust(_LABEL_COLUMNS)
