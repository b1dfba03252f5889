"""Does many things at the same time, within a bound of memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

MEMORY_BYTES = 112 << 20


class Step(Struct, frozen=True):
    """Something to do, and how much memory it takes while it is done."""

    do: Callable[[], object]
    memory_bytes: int = 0


class Lanes:
    """Runs steps in `threads` threads; with one, in the caller's own, one after the other."""

    def __init__(self, threads: int, memory_bytes: int = MEMORY_BYTES) -> None:
        self.threads = threads
        self._memory_bytes = memory_bytes

    def run(self, steps: Iterable[Step]) -> None:
        """Do all steps, which are asked for one by one as there is room; the first error ends it, and is raised.

        A step that needs more than there is is done alone. When this returns nothing is being done any more.
        """
        if self.threads == 1:
            for step in steps:
                step.do()
            return
        room = _Room(self._memory_bytes, 2 * self.threads)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="traintrack-bytes") as pool:
            for step in steps:
                if not room.enter(step.memory_bytes):
                    break
                pool.submit(room.occupy, step)
        room.raise_first()


class _Room:
    """Memory and places for steps; whoever wants in waits until there is enough of both."""

    def __init__(self, memory_bytes: int, places: int) -> None:
        self._changed = threading.Condition()
        self._all = memory_bytes
        self._left, self._places = memory_bytes, places
        self._error: BaseException | None = None

    def enter(self, memory_bytes: int) -> bool:
        """Wait for room; False if a step has failed."""
        wanted = min(memory_bytes, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._error or (self._places > 0 and self._left >= wanted))
            if self._error is not None:
                return False
            self._left -= wanted
            self._places -= 1
            return True

    def occupy(self, step: Step) -> None:
        error: BaseException | None = None
        try:
            if self._error is None:
                step.do()
        except BaseException as raised:  # noqa: BLE001  raised again by who asked for the steps
            error = raised
        with self._changed:
            self._error = self._error or error
            self._left += min(step.memory_bytes, self._all)
            self._places += 1
            self._changed.notify()

    def raise_first(self) -> None:
        if self._error is not None:
            raise self._error
