"""What lets unfinished work go on at another machine: a sealed checkpoint that is left where the other can fetch it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable


class SharedCheckpoints(Protocol):
    """Checkpoints on their way from one machine to another. Nothing here decides anything: one that is lost costs time."""

    def put(self, key: str, source: Path) -> str | None:
        """Leave a checkpoint, a file or folder that its runner calls `key`, and return what finds it again.

        None if it is too large to be left.

        Raises:
            HostError: it cannot be read or left.
        """

    def fetch(self, found: str, target: Path) -> bool:
        """Bring a checkpoint to `target`, which is not there yet; False if it is not there any more or not as it was.

        Raises:
            HostError: it cannot be fetched or written.
        """

    def drop(self, found: str) -> None:
        """Remove a checkpoint that nobody needs any more, if that is possible."""


@runtime_checkable
class SharesCheckpoints(Protocol):
    """A storage that several machines use and through which checkpoints go; an addition to `Storage`."""

    @property
    def checkpoints(self) -> SharedCheckpoints:
        """Where they are left."""


@runtime_checkable
class CarriesCheckpoints(Protocol):
    """A runner whose checkpoints are files of this machine; an addition to `Runner`."""

    def checkpoint_path(self, key: str) -> Path | None:
        """Where a checkpoint lies, None if it is not on this machine."""

    def place_for_checkpoint(self, key: str) -> Path | None:
        """Where one that comes from another machine is to be put to be found by its key; None for a key of no runner.

        Raises:
            OSError: its folder cannot be made.
        """
