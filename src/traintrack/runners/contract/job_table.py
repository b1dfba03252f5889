"""The jobs of this process: their newest states, and who waits for news of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.job import Handle, JobPhase, JobState
from traintrack.errors import HostError
from traintrack.runners.contract.ending import Ending

_PROGRESS_EVERY_S = 1.0
_STRANGERS_EVERY_S = 0.25
_TIDYING_TAKES_AT_MOST_S = 60.0


class LivingAttempt(Protocol):
    """What a table needs of an attempt."""

    def end(self, ending: Ending, grace_s: float) -> None:
        """Ask the task to end, and kill it after `grace_s`."""

    def log(self, offset: int) -> bytes:
        """Return masked bytes of the growing log."""

    def progress(self) -> str | None:
        """Return what the task says about its progress, None if nothing."""


Report = Callable[[Handle, JobState], None]


class _Entry(Struct):
    """A job: its newest state, whether that was told, when its progress was looked at, and who is told of changes."""

    attempt: LivingAttempt
    state: JobState
    told: bool = True
    looked: float = 0.0
    report: Report | None = None


class JobTable:
    """Keeps the jobs that this process began or adopted; several runners may share one, so that one wait is for all.

    Every other handle is a stranger's: of another process, or of nobody.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: dict[Handle, _Entry] = {}
        self._over: dict[Handle, str | None] = {}
        self._awaiting = 0

    def add(self, handle: Handle, attempt: LivingAttempt, state: JobState) -> None:
        """Take in a job; its first state is not news."""
        with self._changed:
            self._over.pop(handle, None)
            self._jobs[handle] = _Entry(attempt, state)

    def set(self, handle: Handle, state: JobState) -> None:
        """Note a new state and wake those who wait."""
        with self._changed:
            entry = self._jobs[handle]
            entry.state = state
            entry.told = False
            if state.phase is JobPhase.RUNNING:
                entry.looked = time.monotonic()
            if entry.report is not None:
                # Under the lock, so that states come in order.
                entry.report(handle, state)
                self._tell(handle, entry)
            if entry.report is None or self._awaiting:
                self._changed.notify_all()

    def watch(self, handle: Handle, report: Report) -> bool:
        """Report the state that was not told yet, and each later one; False if the job is not of this process."""
        with self._changed:
            entry = self._jobs.get(handle)
            if entry is None:
                return False
            entry.report = report
            if not entry.told:
                report(handle, entry.state)
                self._tell(handle, entry)
            return True

    def poll(
        self, handles: Collection[Handle], wait_s: float, stranger: Callable[[Handle], JobState | None]
    ) -> dict[Handle, JobState]:
        """Return the states that changed, as soon as one does, at the latest after `wait_s`.

        FINISHED is told exactly once. `stranger` tells what is new of a job that is not in the table.
        """
        deadline = time.monotonic() + wait_s
        with self._changed:
            while True:
                found = self._news(handles, stranger)
                left = deadline - time.monotonic()
                if found or left <= 0:
                    return found
                strangers = any(self._is_stranger(h) for h in handles)
                self._changed.wait(min(left, _STRANGERS_EVERY_S if strangers else _PROGRESS_EVERY_S))

    def living(self, handles: Collection[Handle]) -> list[LivingAttempt]:
        """Return the attempts of those jobs that are in the table."""
        with self._changed:
            return [self._jobs[h].attempt for h in handles if h in self._jobs]

    def strangers(self, handles: Collection[Handle]) -> list[Handle]:
        """Return the handles of jobs that are not, and were not, of this process."""
        with self._changed:
            return [h for h in handles if self._is_stranger(h)]

    def await_end(self, handles: Collection[Handle], grace_s: float, hint: str) -> None:
        """Wait until none of the jobs is unfinished.

        Raises:
            HostError: some did not end in a minute beyond `grace_s`; `hint` says where to look.
        """
        deadline = time.monotonic() + grace_s + _TIDYING_TAKES_AT_MOST_S
        with self._changed:
            self._awaiting += 1
            try:
                while living := [h for h in handles if self._is_unfinished(h)]:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise HostError(f"{len(living)} jobs did not end in time", code="job-stuck", hint=hint)
                    self._changed.wait(left)
            finally:
                self._awaiting -= 1

    def kept_log(self, handle: Handle) -> str | None:
        """Return the key of the log of a job that is over, None if there is none or it is not over."""
        with self._changed:
            entry = self._jobs.get(handle)
            if entry is None:
                return self._over.get(handle)
            return entry.state.log if entry.state.phase is JobPhase.FINISHED else None

    def _is_stranger(self, handle: Handle) -> bool:
        return handle not in self._jobs and handle not in self._over

    def _is_unfinished(self, handle: Handle) -> bool:
        entry = self._jobs.get(handle)
        return entry is not None and entry.state.phase is not JobPhase.FINISHED

    def _news(
        self, handles: Collection[Handle], stranger: Callable[[Handle], JobState | None]
    ) -> dict[Handle, JobState]:
        found: dict[Handle, JobState] = {}
        for handle in handles:
            state = stranger(handle) if self._is_stranger(handle) else self._news_of(handle)
            if state is not None:
                found[handle] = state
        return found

    def _news_of(self, handle: Handle) -> JobState | None:
        entry = self._jobs.get(handle)
        if entry is None:
            return None
        if entry.told:
            return _progress(entry)
        self._tell(handle, entry)
        return entry.state

    def _tell(self, handle: Handle, entry: _Entry) -> None:
        entry.told = True
        if entry.state.phase is JobPhase.FINISHED:
            self._over[handle] = entry.state.log
            del self._jobs[handle]


def _progress(entry: _Entry) -> JobState | None:
    now = time.monotonic()
    if entry.state.phase is not JobPhase.RUNNING or now - entry.looked < _PROGRESS_EVERY_S:
        return None
    entry.looked = now
    progress = entry.attempt.progress()
    if progress in (None, entry.state.progress):
        return None
    entry.state = replace(entry.state, progress=progress)
    return entry.state
