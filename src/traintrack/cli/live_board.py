"""What the live view knows of a run, and the rows of its block; no clock and no terminal in sight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice

from traintrack.action.event import (
    AttemptFailed,
    Event,
    RunFinished,
    RunStarted,
    TargetFinished,
    TargetProgress,
    TargetStarted,
    TargetWaiting,
)
from traintrack.action.job import JobPhase
from traintrack.action.plan import Decision, Outcome, Step
from traintrack.cli.line import Line, busy, faint, warn
from traintrack.cli.live_text import clipped_head, columns_of, padded
from traintrack.cli.quantity import duration_text

_BAR_CELLS = 20
_BAR_FROM_COLUMNS = 72
_DETAIL_FROM_COLUMNS = 40
_TIME_COLUMNS = 7
_QUEUED_NAMED = 2
_PHASES = {JobPhase.STAGING.value: "preparing", JobPhase.STORING.value: "storing"}


@dataclass(frozen=True, slots=True)
class Running:
    """An attempt under way. `task_since_s` is when its task itself began, None before; `expected_s` what that took before."""

    label: str
    since_s: float
    attempt: int = 1
    expected_s: float | None = None
    phase: str = ""
    text: str = ""
    task_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A target that waits: for another run, or for its next attempt at `again_s` on the clock."""

    label: str
    since_s: float
    words: str
    again_s: float | None = None


class LiveBoard:
    """Takes events with the time of each, and says what to draw."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._is_under_way = False
        self._steps: dict[str, Step] = {}
        self._queued: dict[str, None] = {}
        self._running: dict[str, Running] = {}
        self._waiting: dict[str, Waiting] = {}
        self._ended: dict[str, Outcome] = {}

    def take(self, event: Event, now_s: float) -> None:
        """Change what is known as the event says."""
        match event:
            case RunStarted():
                self._start(event, now_s)
            case TargetStarted():
                self._move(event.label)
                expected_s = step.expected_s if (step := self._steps.get(event.label)) else None
                self._running[event.label] = Running(event.label, now_s, event.attempt, expected_s)
            case TargetProgress():
                self._progress(event, now_s)
            case TargetWaiting():
                since_s = before.since_s if (before := self._waiting.get(event.label)) else now_s
                self._move(event.label)
                self._waiting[event.label] = Waiting(event.label, since_s, _holder(event))
            case AttemptFailed() if event.retry_in_s is not None:
                self._move(event.label)
                words = f"attempt {event.attempt} failed"
                self._waiting[event.label] = Waiting(event.label, now_s, words, now_s + event.retry_in_s)
            case TargetFinished():
                self._move(event.label)
                self._ended[event.label] = event.outcome
            case RunFinished():
                self._is_under_way = False

    def rows(self, now_s: float, columns: int, most: int) -> list[Line]:
        """Return at most `most` rows, the counts last; empty if no run is under way.

        Running targets come before waiting ones before the queued, the longest first, then by label. Rows may be
        wider than `columns`.
        """
        if not self._is_under_way or most < 1:
            return []
        running = sorted(self._running.values(), key=lambda one: (one.since_s, one.label))
        waiting = sorted(self._waiting.values(), key=lambda one: (one.since_s, one.label))
        labels = [one.label for one in (*running, *waiting)]
        width = _label_columns(labels[:most], columns)
        rows = [_running_row(one, now_s, width, columns) for one in running[:most]]
        rows += [_waiting_row(one, now_s, width, columns) for one in waiting[: most - len(rows)]]
        if self._queued:
            rows.append(_queued_row(self._queued))
        return [*_at_most(rows, most - 1), self._counts(now_s, columns)]

    def _start(self, event: RunStarted, now_s: float) -> None:
        plan = event.plan
        self._began_s, self._is_under_way = now_s, bool(plan.to_execute())
        labels = {plan.graph.label_of(id_): step for id_, step in plan.steps.items()}
        self._steps = labels
        self._queued = {label: None for label, step in labels.items() if step.decision is not Decision.REUSE}

    def _progress(self, event: TargetProgress, now_s: float) -> None:
        before = self._running.get(event.label)
        if before is None:
            return
        begins = event.phase == JobPhase.RUNNING.value and before.task_since_s is None
        since_s = now_s if begins else before.task_since_s
        self._running[event.label] = replace(
            before, phase=event.phase, text=event.text or before.text, task_since_s=since_s
        )

    def _move(self, label: str) -> None:
        """Take a target away from where it is; a target that the plan did not know joins the count."""
        for place in (self._queued, self._running, self._waiting, self._ended):
            place.pop(label, None)

    def _counts(self, now_s: float, columns: int) -> Line:
        failed = Counter(self._ended.values())[Outcome.FAILED]
        known = len(self._ended) + len(self._running) + len(self._waiting) + len(self._queued)
        total = max(known, len(self._steps))
        parts = [f"{len(self._ended)}/{total}"]
        counts = ((failed, "failed"), (len(self._running), "running"), (len(self._waiting), "waiting"))
        parts += [f"{count} {word}" for count, word in (*counts, (len(self._queued), "queued")) if count]
        parts.append(duration_text(now_s - self._began_s))
        bar = _bar(len(self._ended), total) if columns >= _BAR_FROM_COLUMNS else ""
        return (faint(bar + " · ".join(parts)),)


def _running_row(one: Running, now_s: float, width: int, columns: int) -> Line:
    label = padded(clipped_head(one.label, width), width)
    head = (busy("●"), f" {label}  {duration_text(now_s - one.since_s):>{_TIME_COLUMNS}}")
    detail = " · ".join(_details(one, now_s))
    return (*head, faint(f"  {detail}")) if detail and columns >= _DETAIL_FROM_COLUMNS else head


def _details(one: Running, now_s: float) -> list[str]:
    words = [f"attempt {one.attempt}"] if one.attempt > 1 else []
    if one.phase in _PHASES:
        words.append(_PHASES[one.phase])
    elif one.text:
        words.append(one.text)
    # Storing comes after the task, so that what it took before says nothing any more.
    if one.expected_s is not None and one.phase != JobPhase.STORING.value:
        left_s = one.expected_s - (now_s - one.task_since_s if one.task_since_s is not None else 0.0)
        words.append(f"ETA {duration_text(left_s)}" if left_s > 0 else f"took {duration_text(one.expected_s)} before")
    return words


def _waiting_row(one: Waiting, now_s: float, width: int, columns: int) -> Line:
    label = padded(clipped_head(one.label, width), width)
    head = (warn("◌"), f" {label}  {duration_text(now_s - one.since_s):>{_TIME_COLUMNS}}")
    words = one.words
    if one.again_s is not None:
        left_s = one.again_s - now_s
        words += f", again in {duration_text(left_s)}" if left_s > 0 else ", again now"
    return (*head, faint(f"  {words}")) if columns >= _DETAIL_FROM_COLUMNS else head


def _queued_row(queued: Iterable[str]) -> Line:
    labels = list(queued)
    named = ", ".join(islice(labels, _QUEUED_NAMED))
    more = f" and {len(labels) - _QUEUED_NAMED} more" if len(labels) > _QUEUED_NAMED else ""
    return (faint(f"… {len(labels)} queued: {named}{more}"),)


def _at_most(rows: list[Line], most: int) -> list[Line]:
    """Cut the rows; the last one then says how many there are beyond."""
    if len(rows) <= most:
        return rows
    if most < 1:
        return []
    return [*rows[: most - 1], (faint(f"… {len(rows) - most + 1} more"),)]


def _label_columns(labels: Iterable[str], columns: int) -> int:
    """The width of the column of labels: as wide as the widest, at most half of the terminal."""
    widest = max((columns_of(label) for label in labels), default=0)
    most = columns // 2 if columns >= _DETAIL_FROM_COLUMNS else columns - _TIME_COLUMNS - 5
    return max(1, min(widest, most))


def _holder(event: TargetWaiting) -> str:
    who = f"{event.user}@{event.host}" if event.host else event.user
    phase = f", {event.phase}" if event.phase else ""
    return f"waiting for {who} (run {event.run}{phase})"


def _bar(done: int, total: int) -> str:
    cells = _BAR_CELLS * done // total if total else 0
    return f"[{'#' * cells}{'.' * (_BAR_CELLS - cells)}] "
