"""What one thread has yet to hear: calls that others hand it, and ends of jobs that are lent to it."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import threading
from collections import deque
from collections.abc import Callable

from traintrack.ports.runner import Ends

Call = Callable[[], None]
_Calls = queue.SimpleQueue[Call]

_DAY_S = 86_400.0
"""The kernel counts milliseconds in 31 bits; who is woken too early goes on waiting."""


class Inbox:
    """Calls from any thread for the one that takes them; that one may also attend to ends of jobs."""

    def __init__(self) -> None:
        self._calls: _Calls = queue.SimpleQueue()
        self._attendance: _Attendance | None = None

    def put(self, call: Call) -> None:
        """Take in a call; from any thread, also amid the handler of a signal."""
        self._calls.put(call)
        attendance = self._attendance
        if attendance is not None and attendance.is_asleep:
            attendance.ring()

    def attend(self, ends: Ends, look_after: Callable[[Call], None]) -> None:
        """Take ends too, from now on: `look_after` is called with what is to be done for each."""
        self._attendance = _Attendance(ends, look_after)

    def close(self) -> None:
        """Give the ends back to their runner; calls are still taken in."""
        attendance, self._attendance = self._attendance, None
        if attendance is not None:
            attendance.close()

    def take(self, timeout_s: float | None) -> Call | None:
        """Return the next call, or else an end; waits for one at most so long, or for ever.

        None if nothing came; with ends now and then before the time is over.
        """
        if self._attendance is not None:
            return self.next() or self._attendance.take(self._calls, timeout_s)
        with contextlib.suppress(queue.Empty):
            return self._calls.get(timeout=timeout_s)
        return None

    def next(self) -> Call | None:
        """Return the next call that is there already, None if there is none."""
        with contextlib.suppress(queue.Empty):
            return self._calls.get_nowait()
        return None


class _Attendance:
    """Sleeps on two descriptors at once: that of the ends, and a bell for calls, which is rung only for a sleeper."""

    def __init__(self, ends: Ends, look_after: Callable[[Call], None]) -> None:
        self.is_asleep = False
        self._ends, self._look_after = ends, look_after
        self._due: deque[Call] = deque()
        # A signal's handler may ring amid `close`, in the same thread.
        self._guard = threading.RLock()
        self._is_closed = False
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._poll.register(ends.fileno(), select.POLLIN)

    def ring(self) -> None:
        """Wake the sleeper; harmless if it has woken up, or is gone."""
        with self._guard:
            if not self._is_closed:
                os.eventfd_write(self._bell, 1)

    def take(self, calls: _Calls, timeout_s: float | None) -> Call | None:
        """Return an end, or a call that comes before one does; None if nothing comes in time."""
        found = self._next_end()
        if found is None:
            self._sleep(calls, timeout_s)
            with contextlib.suppress(queue.Empty):
                return calls.get_nowait()
            found = self._next_end()
        return found

    def close(self) -> None:
        """Look after what was taken, and leave the rest to the runner."""
        self._ends.close()
        while self._due:
            self._look_after(self._due.popleft())
        with self._guard:
            self._is_closed = True
            os.close(self._bell)

    def _next_end(self) -> Call | None:
        if not self._due:
            self._due.extend(self._ends.due())
        if not self._due:
            return None
        act = self._due.popleft()
        return lambda: self._look_after(act)

    def _sleep(self, calls: _Calls, timeout_s: float | None) -> None:
        # Said before the last look: who puts a call after that look sees a sleeper, and rings.
        self.is_asleep = True
        try:
            if calls.empty():
                self._poll.poll(None if timeout_s is None else min(timeout_s, _DAY_S) * 1000 + 1)
        finally:
            self.is_asleep = False
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
