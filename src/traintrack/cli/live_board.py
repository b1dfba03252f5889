"""What the live view knows of a run, and the rows of its block; no clock and no terminal in sight."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

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
from traintrack.cli.live_families import LiveFamilies, State
from traintrack.cli.live_text import clipped_head, columns_of, padded
from traintrack.cli.quantity import duration_text, time_text
from traintrack.family_name import short_name

_BAR_CELLS = 20
_BAR_FROM_COLUMNS = 72
_DETAIL_FROM_COLUMNS = 40
_TIME_COLUMNS = 7
_QUEUED_NAMED = 2
_FAMILIES = 3
_PHASES = {JobPhase.STAGING.value: "preparing", JobPhase.STORING.value: "storing"}


class Running(Struct, frozen=True):
    """An attempt under way. `task_since_s` is when its task itself began, None before; `expected_s` what that took before."""

    label: str
    since_s: float
    attempt: int = 1
    expected_s: float | None = None
    phase: str = ""
    text: str = ""
    task_since_s: float | None = None


class Waiting(Struct, frozen=True):
    """A target that waits: for another run, or for its next attempt at `again_s` on the clock."""

    label: str
    since_s: float
    words: str
    again_s: float | None = None


_Known = TypeVar("_Known", Running, Waiting)


class LiveBoard:
    """Takes events with the time of each, and says what to draw."""

    def __init__(self) -> None:
        self._began_s = 0.0
        self._is_under_way = False
        self._steps: dict[str, Step] = {}
        self._queued: dict[str, None] = {}
        self._running: dict[str, Running] = {}
        # The first of an ordered one are at hand also after thousands before them were taken away.
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()
        self._ended: dict[str, Outcome] = {}
        self._failed = 0
        self._families = LiveFamilies()

    def take(self, event: Event, now_s: float) -> None:
        """Change what is known as the event says."""
        match event:
            case RunStarted():
                self._start(event, now_s)
            case TargetStarted():
                self._move(event.label, State.UNDER_WAY)
                expected_s = step.expected_s if (step := self._steps.get(event.label)) else None
                self._running[event.label] = Running(event.label, now_s, event.attempt, expected_s)
            case TargetProgress():
                self._progress(event, now_s)
            case TargetWaiting():
                self._wait(event, now_s)
            case AttemptFailed() if event.retry_in_s is not None:
                self._move(event.label, State.UNDER_WAY)
                words = f"attempt {event.attempt} failed"
                self._waiting[event.label] = Waiting(event.label, now_s, words, now_s + event.retry_in_s)
            case TargetFinished():
                is_failed = event.outcome is Outcome.FAILED
                self._move(event.label, State.FAILED if is_failed else State.DONE)
                self._ended[event.label] = event.outcome
                self._failed += is_failed
            case RunFinished():
                self._is_under_way = False

    def rows(self, now_s: float, columns: int, most: int) -> list[Line]:
        """Return at most `most` rows, the counts last; empty if no run is under way.

        Running targets come before waiting ones before the queued, the longest first, then by label. Rows may be
        wider than `columns`.
        """
        if not self._is_under_way or most < 1:
            return []
        families = self._families.rows(min(_FAMILIES, max(0, most - _FAMILIES) // 2))
        room = most - 1 - len(families)
        count = len(self._running) + len(self._waiting)
        is_crowded = count + bool(self._queued) > room
        shown = self._under_way(max(room - 1, 0) if is_crowded else count)
        width = _label_columns((short_name(one.label) for one in shown), columns)
        rows = [_row(one, now_s, width, columns) for one in shown]
        rows += [(faint(f"  {text}"),) for text in families]
        if is_crowded and room:
            rows.append((faint(f"… {count - len(shown)} more under way, {len(self._queued)} queued"),))
        elif self._queued:
            rows.append(self._queued_row())
        return [*rows[: most - 1], self._counts(now_s, columns)]

    def _under_way(self, most: int) -> list[Running | Waiting]:
        """The first that run, then the first that wait: both began in the order in which they are kept."""
        running = _longest_first(islice(self._running.values(), most))
        return [*running, *_longest_first(islice(self._waiting.values(), most - len(running)))]

    def _start(self, event: RunStarted, now_s: float) -> None:
        plan = event.plan
        self._began_s, self._is_under_way = now_s, bool(plan.to_execute())
        labels = {plan.graph.label_of(id_): step for id_, step in plan.steps.items()}
        self._steps = labels
        self._queued = {label: None for label, step in labels.items() if step.decision is not Decision.REUSE}
        self._families = LiveFamilies(labels)
        for label in self._queued:
            self._families.put(label, State.QUEUED)

    def _progress(self, event: TargetProgress, now_s: float) -> None:
        before = self._running.get(event.label)
        if before is None:
            return
        begins = event.phase == JobPhase.RUNNING.value and before.task_since_s is None
        since_s = now_s if begins else before.task_since_s
        self._running[event.label] = replace(
            before, phase=event.phase, text=event.text or before.text, task_since_s=since_s
        )

    def _wait(self, event: TargetWaiting, now_s: float) -> None:
        """Note who is waited for; a wait that goes on keeps its begin and its place."""
        before = self._waiting.get(event.label)
        if before is None:
            self._move(event.label, State.UNDER_WAY)
        since_s = before.since_s if before else now_s
        self._waiting[event.label] = Waiting(event.label, since_s, _holder(event))

    def _move(self, label: str, state: State) -> None:
        """Take a target away from where it is; a target that the plan did not know joins the count."""
        for place in (self._queued, self._running, self._waiting):
            place.pop(label, None)
        self._failed -= self._ended.pop(label, None) is Outcome.FAILED
        self._families.put(label, state)

    def _queued_row(self) -> Line:
        names, count = self._families.queued_names(_QUEUED_NAMED)
        more = f" and {len(self._queued) - count} more" if len(self._queued) > count else ""
        return (faint(f"… {len(self._queued)} queued: {', '.join(names)}{more}"),)

    def _counts(self, now_s: float, columns: int) -> Line:
        known = len(self._ended) + len(self._running) + len(self._waiting) + len(self._queued)
        total = max(known, len(self._steps))
        parts = [f"{len(self._ended)}/{total}"]
        counts = ((self._failed, "failed"), (len(self._running), "running"), (len(self._waiting), "waiting"))
        parts += [f"{count} {word}" for count, word in (*counts, (len(self._queued), "queued")) if count]
        parts.append(duration_text(now_s - self._began_s))
        bar = _bar(len(self._ended), total) if columns >= _BAR_FROM_COLUMNS else ""
        return (faint(bar + " · ".join(parts)),)


def _longest_first(some: Iterable[_Known]) -> list[_Known]:
    return sorted(some, key=lambda one: (one.since_s, one.label))


def _row(one: Running | Waiting, now_s: float, width: int, columns: int) -> Line:
    label = padded(clipped_head(short_name(one.label), width), width)
    mark = busy("●") if isinstance(one, Running) else warn("◌")
    head = (mark, f" {label}  {duration_text(now_s - one.since_s):>{_TIME_COLUMNS}}")
    words = " · ".join(_details(one, now_s)) if isinstance(one, Running) else _wait_words(one, now_s)
    return (*head, faint(f"  {words}")) if words and columns >= _DETAIL_FROM_COLUMNS else head


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


def _wait_words(one: Waiting, now_s: float) -> str:
    if one.again_s is None:
        return one.words
    left_s = one.again_s - now_s
    return f"{one.words}, again {f'in {duration_text(left_s)}' if left_s > 0 else 'now'}"


def _label_columns(labels: Iterable[str], columns: int) -> int:
    """The width of the column of labels: as wide as the widest, at most half of the terminal."""
    widest = max((columns_of(label) for label in labels), default=0)
    most = columns // 2 if columns >= _DETAIL_FROM_COLUMNS else columns - _TIME_COLUMNS - 5
    return max(1, min(widest, most))


def _holder(event: TargetWaiting) -> str:
    who = f"{event.user}@{event.host}" if event.host else event.user
    since = f", since {time_text(event.since)}" if event.since else ""
    phase = f", {event.phase}" if event.phase else ""
    progress = f" · {event.progress}" if event.progress else ""
    # What is cut off where there is little room tells least.
    return f"waiting for {who}{progress} (run {event.run}{since}{phase})"


def _bar(done: int, total: int) -> str:
    cells = _BAR_CELLS * done // total if total else 0
    return f"[{'#' * cells}{'.' * (_BAR_CELLS - cells)}] "
