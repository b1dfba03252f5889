"""`--events`: what happens in a run as JSON lines while it happens, for programs; `traintrack.event/1`.

A thread of its own writes, so that a reader who does not keep up never holds the run.
"""

from __future__ import annotations

import fcntl
import os
import queue
import select
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
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
from traintrack.action.plan import Plan
from traintrack.cli.call import JsonValue, document_text
from traintrack.cli.render import flatten, one_error
from traintrack.cli.run_answer import reason_fields
from traintrack.errors import HostError, InternalError, TraintrackError, UsageError

SCHEMA = "event/1"
DRAIN_S = 5.0
"""How long the end of a run waits for a reader who does not keep up."""

_PATIENCE_MS = 200
_STDOUT = 1
Warn = Callable[[str], None]


class OpenFile(Struct, frozen=True):
    """A descriptor of our own for what the user called `where`."""

    where: str
    descriptor: int

    @property
    def is_terminal(self) -> bool:
        """Tell if the lines go to a terminal, where a block that is redrawn would fight with them."""
        return os.isatty(self.descriptor)


def open_file(where: str, *, json: bool = False) -> OpenFile:
    """Open a path, stdout (`-`) or a descriptor (`fd:N`), so that a wrong name is told before anything starts.

    With `json` stdout is taken by the document of `--json`.

    Raises:
        UsageError: the descriptor is not open for writing, or stdout is taken.
        HostError: the file cannot be written.
    """
    if json and where in ("-", "fd:1"):
        hint = "write the events to a file, such as `--events events.jsonl`"
        raise UsageError("`--json` and `--events` both want stdout", hint=hint)
    return OpenFile(where, _opened(where))


class EventsFile:
    """An event sink that writes a line for each event. Use it as a context: its last line is written at its end.

    What goes wrong with the file once it is open is told once and does not end the run.
    """

    def __init__(self, file: OpenFile, warn: Warn) -> None:
        """Take over an open file; `warn` tells a person one sentence, from any thread."""
        self._file, self._warn = file, warn
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._sequence = 0
        self._has_ended = False
        self._give_up_at_s: float | None = None
        self._thread = threading.Thread(target=self._write_all, name="events", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._has_ended:
            self._put("error", _error_fields(error), last=True)
        self._lines.put(None)
        self._give_up_at_s = time.monotonic() + DRAIN_S
        self._thread.join(DRAIN_S + 1)

    def emit(self, event: Event) -> None:
        """Queue the line of an event."""
        kind, fields = event_fields(event)
        self._has_ended = isinstance(event, RunFinished)
        self._put(kind, fields, last=self._has_ended)

    def _put(self, kind: str, fields: dict[str, JsonValue], *, last: bool = False) -> None:
        self._sequence += 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head: dict[str, JsonValue] = {"seq": self._sequence, "time": now, "kind": kind}
        line = document_text(SCHEMA, {**head, **fields, **({"last": True} if last else {})})
        self._lines.put(line.encode("ascii") + b"\n")

    def _write_all(self) -> None:
        try:
            while (line := self._lines.get()) is not None:
                _write(self._file.descriptor, line, self._is_too_late)
        except OSError as error:
            self._warn(f"no more events go to `{self._file.where}`: {(error.strerror or str(error)).lower()}")
        finally:
            os.close(self._file.descriptor)

    def _is_too_late(self) -> bool:
        return self._give_up_at_s is not None and time.monotonic() > self._give_up_at_s


def event_fields(event: Event) -> tuple[str, dict[str, JsonValue]]:
    """Return the kind of an event, and its fields as JSON."""
    match event:
        case RunStarted(run, plan, environment, profile):
            about: dict[str, JsonValue] = {"run": run, "environment": environment, "profile": profile or None}
            return "run-started", {**about, "targets": _plan_rows(plan)}
        case TargetStarted():
            reason = reason_fields(event.reason)
            about = {"attempt": event.attempt, "reason": reason, "resumed": event.resumed}
            return "target-started", {**_target(event), **about}
        case TargetProgress():
            return "target-progress", {**_target(event), "phase": event.phase, "text": event.text}
        case TargetWaiting():
            holder = {"user": event.user, "host": event.host, "run": event.run}
            about = {"since": event.since, "phase": event.phase, "progress": event.progress}
            return "target-waiting", {**_target(event), **holder, **about}
        case AttemptFailed():
            about = {"attempt": event.attempt, "failure": event.failure, "message": event.message}
            return "attempt-failed", {**_target(event), **about, "retry_in_s": event.retry_in_s}
        case Notice():
            return "notice", {"level": event.level, "message": event.message, "id": event.id}
        case TargetFinished():
            return "target-finished", _finished_fields(event)
        case RunFinished():
            outcomes = dict(event.outcomes)
            about = {"run": event.run, "duration_s": round(event.duration_s, 3), "interrupted": event.interrupted}
            return "run-finished", {**about, "outcomes": outcomes}


def _finished_fields(event: TargetFinished) -> dict[str, JsonValue]:
    return {
        **_target(event),
        "outcome": event.outcome.value,
        "reason": reason_fields(event.reason),
        "duration_s": round(event.duration_s, 3),
        "attempts": event.attempts,
        "artifact": event.artifact,
        "record": event.record,
        "failure": event.failure,
        "message": event.message,
        "hint": event.hint,
        "exit_code": event.exit_code,
        "log": event.log,
        "because": list(event.because),
    }


def _target(event: TargetStarted | TargetProgress | TargetWaiting | AttemptFailed | TargetFinished) -> dict[str, Any]:
    return {"label": event.label, "id": event.id}


def _plan_rows(plan: Plan) -> list[JsonValue]:
    return [
        {
            "label": plan.graph.label_of(id_),
            "id": id_,
            "decision": step.decision.value,
            "reason": reason_fields(step.reason),
            "expected_s": step.expected_s,
            "needs": list(plan.graph.actions[id_].depends_on()) if id_ in plan.graph.actions else [],
        }
        for id_, step in plan.steps.items()
    ]


def _error_fields(error: BaseException | None) -> dict[str, JsonValue]:
    """Return why a run ended without its own last event: its error, or that it was interrupted before it began."""
    if isinstance(error, TraintrackError):
        return {"error": one_error(flatten(error)[0])}
    if isinstance(error, Exception):
        return {"error": one_error(InternalError(f"{type(error).__name__}: {error}"))}
    return {"error": {"code": "interrupted", "message": "interrupted", "where": None, "hint": None, "details": []}}


def _opened(where: str) -> int:
    """Return a descriptor of our own."""
    if where == "-" or where.startswith("fd:"):
        return _duplicate(where, _STDOUT if where == "-" else _number(where))
    try:
        return os.open(where, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no path"
        raise HostError(
            f"cannot write events to `{where}`: {reason.lower()}",
            code="events-file",
            hint="name a file in a folder that exists and that you may write to",
        ) from error


def _number(where: str) -> int:
    digits = where.removeprefix("fd:")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 8):
        raise UsageError(
            f"`{where}` names no file descriptor", hint="write its number, such as `--events fd:3 3>events`"
        )
    return int(digits)


def _duplicate(where: str, number: int) -> int:
    try:
        if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
            return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
    except OSError:
        pass
    raise UsageError(
        f"`{where}` is not open for writing", hint="open it, such as `traintrack run --events fd:3 3>events`"
    )


def _write(descriptor: int, line: bytes, is_too_late: Callable[[], bool]) -> None:
    """Write a whole line, or take away what a full disk left of it.

    Raises:
        OSError: the line is not written; also where the reader does not keep up at the end.
    """
    left = memoryview(line)
    try:
        while left:
            if _is_ready(descriptor):
                with suppress(BlockingIOError):
                    # At most what a pipe takes whole (POSIX, PIPE_BUF): more could block though it was ready.
                    left = left[os.write(descriptor, left[: select.PIPE_BUF]) :]
            elif is_too_late():
                raise TimeoutError(0, "its reader does not keep up")
    except OSError:
        _take_back(descriptor, len(line) - len(left))
        raise


def _is_ready(descriptor: int) -> bool:
    """Wait a moment until something can be written; a file always takes it."""
    waiter = select.poll()
    waiter.register(descriptor, select.POLLOUT)
    return bool(waiter.poll(_PATIENCE_MS))


def _take_back(descriptor: int, size: int) -> None:
    """Cut a begun line off a file, so that every line in it is whole."""
    if size and stat.S_ISREG(os.fstat(descriptor).st_mode):
        with suppress(OSError):
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - size)
