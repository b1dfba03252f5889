"""Threads for steps that block: a queue and nothing else, as a future for each step costs more than a short step itself."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Pool:
    """Runs steps in the order in which they come, on at most `most` threads, which are begun as they are needed."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._steps: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def run(self, step: Callable[[], None]) -> None:
        """Take a step, which tells by itself how it ended and raises nothing; called by one thread."""
        self._steps.put(step)
        if len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name=f"{self._name}_{len(self._threads)}")
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Do what has come, and end."""
        for _ in self._threads:
            self._steps.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (step := self._steps.get()) is not None:
            step()
            # What was done must not live on in a thread that waits.
            del step
