"""A bucket in memory that notes its requests, and time that passes only in pauses."""

from __future__ import annotations

from pathlib import Path

from traintrack.storages.objects.notebook import Notebook
from traintrack.testing.memory_objects import MemoryObjects
from traintrack.testing.schedule import Fate


class Pace:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def spread(self) -> float:
        return 0.5


class Noting(MemoryObjects):
    """`requests` has every request in order; `fates` are given to the next ones, then all are answered."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        super().__init__(self)
        self.requests: list[str] = []
        self.fates: list[Fate] = []
        if objects is not None:
            self.objects = objects

    def turn(self, doing: str, *, unclear: bool = True) -> Fate:
        self.requests.append(doing)
        return self.fates.pop(0) if self.fates else Fate.ANSWERED

    def deliver_later(self, request: object) -> None:
        raise AssertionError("nothing comes late here")

    def taken(self) -> list[str]:
        """The requests since the last call."""
        found, self.requests = self.requests, []
        return found


def notes(folder: Path) -> Notebook:
    return Notebook(folder / "notes.sqlite")
