"""`--trace`: what a run did and when, for a trace viewer such as Perfetto or chrome://tracing.

The format is Chrome's JSON, "Trace Event Format" (docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU):
complete events (`ph: X`) with times in microseconds, on rows (`tid`) that metadata events name.
"""

from __future__ import annotations

import heapq
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from msgspec import Struct

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
from traintrack.action.record import Timings
from traintrack.digest import ContentDigest
from traintrack.errors import HostError

Warn = Callable[[str], None]
TimingsOf = Callable[[ContentDigest], Timings | None]

_RUN_ROW = 0
_FIRST_WAIT_ROW = 10_000
_PHASES = {"staging": "staging", "running": "task", "storing": "publishing"}


class _Attempt(Struct):
    """An attempt under way: its row, and when each of its phases began, in order."""

    row: int
    number: int
    since_s: float
    phases: list[tuple[str, float]]


class _Rows:
    """Gives out the lowest row that is free, so that as many are used as things went on at once."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._next = first
        self._free: list[int] = []

    def take(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def give_back(self, row: int) -> None:
        heapq.heappush(self._free, row)

    def used(self) -> range:
        return range(self._first, self._next)


class Trace:
    """Collects the spans of a run; seconds come from a monotonic clock and count from the run's begin."""

    def __init__(self, timings_of: TimingsOf, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing; `timings_of` reads the durations in a record, None if it is not to be had."""
        self._timings_of, self._now_s = timings_of, now_s
        self._began_s = now_s()
        self._spans: list[dict[str, Any]] = []
        self._slots, self._waits = _Rows(1), _Rows(_FIRST_WAIT_ROW)
        self._attempts: dict[str, _Attempt] = {}
        self._waiting: dict[str, tuple[int, float, dict[str, str]]] = {}
        self._ended: list[tuple[str, _Attempt, float, ContentDigest | None]] = []
        self._run: tuple[str, str] | None = None

    def take(self, event: Event) -> None:
        """Take an event as of now."""
        now_s = self._now_s()
        match event:
            case RunStarted():
                self._began_s, self._run = now_s, (event.run, event.environment)
            case TargetStarted():
                self._end_wait(event.label, now_s)
                self._attempts[event.label] = _Attempt(self._slots.take(), event.attempt, now_s, [("staging", now_s)])
            case TargetProgress():
                attempt = self._attempts.get(event.label)
                if attempt is not None and attempt.phases[-1][0] != event.phase:
                    attempt.phases.append((event.phase, now_s))
            case TargetWaiting():
                holder = {"user": event.user, "host": event.host, "run": event.run}
                if event.label in self._waiting and self._waiting[event.label][2] == holder:
                    return
                self._end_wait(event.label, now_s)
                self._waiting[event.label] = (self._waits.take(), now_s, holder)
            case AttemptFailed():
                self._end_attempt(event.label, now_s, {"failure": event.failure, "message": event.message}, None)
            case Notice():
                about = {"name": event.message, "ph": "i", "s": "g", "tid": _RUN_ROW}
                self._spans.append({**about, "ts": self._micros(now_s), "pid": 1})
            case TargetFinished():
                self._end_target(event, now_s)
            case RunFinished():
                self._end_run(now_s, dict(event.outcomes))

    def document(self) -> dict[str, Any]:
        """Return all as one JSON value; what is still open ends now."""
        now_s = self._now_s()
        for label in tuple(self._attempts):
            self._end_attempt(label, now_s, {"failure": "unfinished"}, None)
        for label in tuple(self._waiting):
            self._end_wait(label, now_s)
        if self._run is not None:
            self._end_run(now_s, {})
        # Records are read here and not while the run goes on, which must not wait for them.
        for label, attempt, ended_s, record in self._ended:
            timings = self._timings_of(record) if record else None
            for name, since_s, until_s in _phases(attempt, ended_s, timings):
                self._span(name, "phase", attempt.row, since_s, until_s, {"target": label})
        return {"traceEvents": [*self._names(), *self._spans], "displayTimeUnit": "ms"}

    def _end_target(self, event: TargetFinished, now_s: float) -> None:
        self._end_wait(event.label, now_s)
        about: dict[str, object] = {"outcome": event.outcome.value, "id": event.id}
        self._end_attempt(event.label, now_s, about, event.record)

    def _end_attempt(self, label: str, now_s: float, about: dict[str, Any], record: ContentDigest | None) -> None:
        attempt = self._attempts.pop(label, None)
        if attempt is None:
            return
        self._slots.give_back(attempt.row)
        self._span(label, "attempt", attempt.row, attempt.since_s, now_s, {"attempt": attempt.number, **about})
        self._ended.append((label, attempt, now_s, record))

    def _end_wait(self, label: str, now_s: float) -> None:
        waited = self._waiting.pop(label, None)
        if waited is not None:
            row, since_s, holder = waited
            self._waits.give_back(row)
            self._span(label, "wait", row, since_s, now_s, holder)

    def _end_run(self, now_s: float, outcomes: dict[str, int]) -> None:
        if self._run is not None:
            name, environment = self._run
            about = {"environment": environment, "outcomes": outcomes}
            self._span(f"run {name}", "run", _RUN_ROW, self._began_s, now_s, about)
            self._run = None

    def _span(self, name: str, kind: str, row: int, since_s: float, until_s: float, about: dict[str, Any]) -> None:
        since, until = self._micros(since_s), self._micros(until_s)
        place = {"ph": "X", "ts": since, "dur": until - since, "pid": 1, "tid": row}
        self._spans.append({"name": name, "cat": kind, **place, "args": about})

    def _names(self) -> Iterable[dict[str, Any]]:
        yield _meta("process_name", _RUN_ROW, {"name": "traintrack"})
        names = {_RUN_ROW: "run"}
        names |= {row: f"slot {number}" for number, row in enumerate(self._slots.used(), 1)}
        names |= {row: f"wait {number}" for number, row in enumerate(self._waits.used(), 1)}
        for order, (row, name) in enumerate(names.items()):
            yield _meta("thread_name", row, {"name": name})
            yield _meta("thread_sort_index", row, {"sort_index": order})

    def _micros(self, at_s: float) -> int:
        return round(max(0.0, at_s - self._began_s) * 1e6)


class TraceFile:
    """An event sink that writes its trace at the end of the context, all of it or nothing."""

    def __init__(self, path: str, trace: Trace, warn: Warn) -> None:
        """Make the temporary file beside `path`, so that a wrong name is told before anything starts.

        Raises:
            HostError: the file cannot be written.
        """
        # A link stays a link, and a device such as /dev/null is not replaced by a file.
        self._path, self._trace, self._warn = os.path.realpath(path), trace, warn
        self._temporary = f"{self._path}.{secrets.token_hex(4)}.tmp"
        try:
            if os.path.lexists(self._path) and not os.path.isfile(self._path):
                raise FileExistsError(0, "it is no file")
            os.close(os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no path"
            raise HostError(
                f"cannot write a trace to `{path}`: {reason.lower()}",
                code="trace-file",
                hint="name a file in a folder that exists and that you may write to",
            ) from error

    def __enter__(self) -> Self:
        return self

    def emit(self, event: Event) -> None:
        """Take an event."""
        self._trace.take(event)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with open(self._temporary, "w", encoding="ascii") as file:
                json.dump(self._trace.document(), file, ensure_ascii=True, allow_nan=False)
            os.replace(self._temporary, self._path)
        except OSError as failed:
            self._warn(f"no trace at `{self._path}`: {(failed.strerror or str(failed)).lower()}")
            with suppress(OSError):
                os.unlink(self._temporary)


def _phases(attempt: _Attempt, ended_s: float, timings: Timings | None) -> list[tuple[str, float, float]]:
    """Return name, begin and end of each phase, in order and within the attempt.

    A record measured them at the place itself; without one there is when we heard of each.
    """
    if timings is None:
        ends = [since_s for _, since_s in attempt.phases[1:]] + [ended_s]
        return [
            (_PHASES.get(phase, phase), since_s, until_s)
            for (phase, since_s), until_s in zip(attempt.phases, ends, strict=True)
        ]
    found, since_s = [], attempt.since_s
    durations = (("staging", timings.staging_s), ("task", timings.task_s), ("publishing", timings.publishing_s))
    for name, duration_s in durations:
        until_s = min(since_s + duration_s, ended_s)
        found.append((name, since_s, until_s))
        since_s = until_s
    return found


def _meta(name: str, row: int, about: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "ph": "M", "pid": 1, "tid": row, "args": about}
