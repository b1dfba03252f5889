"""A storage that reuses what others have: what it adds to the port, for those who start a run or tell about one."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol, runtime_checkable

from traintrack.action.cell import Result
from traintrack.ports.storage import Storage


class Sharing(str, Enum):
    """Whether an ID that a run elsewhere holds is waited for, or made here beside it."""

    WAIT = "wait"
    ALONE = "alone"


@runtime_checkable
class ReadsThrough(Protocol):
    """A storage that looks into others for what it has not; written is only its own part."""

    @property
    def own(self) -> Storage:
        """The storage that is written, without the others."""

    def home(self, result: Result) -> Storage | None:
        """The storage that has the bytes of a result, None if it is out of reach or not read any more."""

    def attend(self, tell: Callable[[str], None], sharing: Sharing) -> None:
        """Tell from now on, once for each storage, that it is out of reach; and wait for what is held there or not."""


def own_storage(storage: Storage) -> Storage:
    """Return the storage that is written, for those who look after it and not after results."""
    return storage.own if isinstance(storage, ReadsThrough) else storage
