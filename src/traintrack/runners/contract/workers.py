"""Threads that are used again, so that a short job need not pay for the start of one."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable

_IDLE_AT_MOST_S = 5.0


class Workers:
    """Runs each thing that it is given at once, in a thread of its own; a thread that has nothing to do ends in a while.

    The threads are daemons: a client that leaves must not hang on a task of days.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._renew()

    def run(self, act: Callable[[], None]) -> None:
        """Begin `act`, which raises nothing, and return."""
        with self._guard:
            if self._pid != os.getpid():
                # A child of a fork has the counts, but none of the threads.
                self._renew()
            if self._free:
                self._free -= 1
            else:
                threading.Thread(target=self._work, args=(self._acts,), name="job", daemon=True).start()
            self._acts.put(act)

    def _renew(self) -> None:
        self._pid = os.getpid()
        # Threads that wait and are not promised an act; each act in the queue is promised to one thread.
        self._free = 0
        self._acts: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def _work(self, acts: queue.SimpleQueue[Callable[[], None]]) -> None:
        act: Callable[[], None] | None = acts.get()
        while act is not None:
            act()
            # What was done must not live on in a thread that waits.
            act = None
            with self._guard:
                self._free += 1
            act = self._next(acts)

    def _next(self, acts: queue.SimpleQueue[Callable[[], None]]) -> Callable[[], None] | None:
        try:
            return acts.get(timeout=_IDLE_AT_MOST_S)
        except queue.Empty:
            with self._guard:
                if self._free:
                    self._free -= 1
                    return None
        # Between the time-out and the guard it was promised one.
        return acts.get()
