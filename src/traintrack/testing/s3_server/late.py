"""Requests whose senders have been cut off, and which take effect later."""

from __future__ import annotations

import threading
from collections.abc import Callable


class LateRequests:
    """Delivers them after their time, or when a test says so."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._waiting: dict[int, Callable[[], None]] = {}
        self._timers: list[threading.Timer] = []
        self._next = 0

    def waiting(self) -> int:
        """Return how many have not been delivered."""
        return len(self._waiting)

    def wait_for(self, count: int, timeout_s: float = 30.0) -> bool:
        """Wait until so many are waiting; False if that took too long."""
        with self._lock:
            return self._lock.wait_for(lambda: len(self._waiting) >= count, timeout_s)

    def deliver(self) -> int:
        """Let all that are waiting take effect now, in the order in which they came; return how many there were."""
        with self._lock:
            numbers = list(self._waiting)
        return sum(self._deliver(number) for number in numbers)

    def add(self, request: Callable[[], None], after_s: float | None) -> None:
        """Keep a request, for some seconds or (None) until `deliver`."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._waiting[number] = request
            if after_s is not None:
                timer = threading.Timer(after_s, self._deliver, (number,))
                timer.daemon = True
                timer.start()
                self._timers.append(timer)
            self._lock.notify_all()

    def forget(self) -> None:
        """Drop all that are waiting: they never arrive."""
        with self._lock:
            self._waiting.clear()
            for timer in self._timers:
                timer.cancel()

    def _deliver(self, number: int) -> int:
        with self._lock:
            request = self._waiting.pop(number, None)
        if request is None:
            return 0
        request()
        return 1
