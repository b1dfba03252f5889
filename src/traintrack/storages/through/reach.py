"""One of the storages that are read through: used for as long as it answers, and told of once when it does not."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from traintrack.digest import TargetId
from traintrack.errors import HostError, TraintrackError
from traintrack.ports.storage import Storage

PATIENCE_S: Final = 5.0
"""So long the first request may take. Later ones have the deadlines of their storage: a download may take hours."""

_NO_ID: Final = TargetId("0" * 64)

T = TypeVar("T")


class Read(Struct, frozen=True):
    """A storage to read through: what the user calls it, and how its namespaces are opened, in the order of look-up."""

    name: str
    open: Callable[[], Sequence[Storage]]


class Reach:
    """Opens a storage with the first question. Who is out of reach once stays so: a run waits for nobody twice.

    `tell` hears of it, once. Safe between threads.
    """

    def __init__(self, read: Read, tell: Callable[[str], None], patience_s: float = PATIENCE_S) -> None:
        self.name = read.name
        self._open, self._tell, self._patience_s = read.open, tell, patience_s
        self._guard = threading.Lock()
        self._storages: tuple[Storage, ...] | None = None
        self._lost = threading.Event()

    @property
    def is_lost(self) -> bool:
        """Tell if it did not answer."""
        return self._lost.is_set()

    def storages(self) -> tuple[Storage, ...]:
        """Its namespaces in the order of look-up; none if it is out of reach."""
        with self._guard:
            if self._storages is None:
                self._storages = self._first()
        return () if self.is_lost else self._storages

    def opened(self) -> tuple[Storage, ...]:
        """Its namespaces if anybody has asked for them yet."""
        return () if self.is_lost else self._storages or ()

    def ask(self, question: Callable[[], T]) -> T | None:
        """Answer a question about an opened namespace; None if it is out of reach, or what was asked for is damaged."""
        if self.is_lost:
            return None
        try:
            return question()
        except HostError as error:
            self._lose(error.message)
        except TraintrackError:
            return None  # What is damaged there is as good as absent: who looks after that storage will find it.
        except OSError as error:
            self._lose((error.strerror or str(error)).lower())
        return None

    def _first(self) -> tuple[Storage, ...]:
        """Open it and read a cell that nobody has, in a thread: whatever hangs in there is left alone."""
        answers: queue.SimpleQueue[tuple[Storage, ...] | Exception] = queue.SimpleQueue()

        def look() -> None:
            try:
                storages = tuple(self._open())
                for storage in storages[:1]:
                    storage.cells.read((_NO_ID,))
                answers.put(storages)
            except Exception as error:  # noqa: BLE001  a thread must hand its errors on
                answers.put(error)

        threading.Thread(target=look, name="traintrack-reach", daemon=True).start()
        try:
            answer = answers.get(timeout=self._patience_s)
        except queue.Empty:
            answer = HostError(f"no answer in {self._patience_s:.0f} s")
        if not isinstance(answer, Exception):
            return answer
        if not isinstance(answer, TraintrackError | OSError):
            raise answer
        self._lose(answer.message if isinstance(answer, TraintrackError) else str(answer).lower())
        return ()

    def _lose(self, words: str) -> None:
        if not self._lost.is_set():
            self._lost.set()
            self._tell(f"`{self.name}` is out of reach and is done without: {words}")
