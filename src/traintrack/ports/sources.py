"""External data where somebody else keeps it: what is there, and how its bytes come here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from traintrack.action.action import Origin

Tell = Callable[[str], None]
"""Takes a line about work that lasts."""


class SourceEntry(Struct, frozen=True):
    """A file as its store lists it.

    `path` is relative to the source with `/`, its last name where the source is a single file. `version` is the
    store's own word for these bytes (an etag, a time of change), empty where it has none; `size_bytes` is None where
    it is not told. `target` is the text of a symbolic link. `executable` is not part of the listing.
    """

    path: str
    size_bytes: int | None
    version: str = ""
    target: str | None = None
    executable: bool = False


class Reading(Struct, frozen=True):
    """Bytes on their way: they begin at `start`, which is 0 where the store cannot begin at the offset asked for."""

    start: int
    chunks: Iterator[bytes]


class CutError(Exception):
    """The connection broke off or the store is busy: asking again may help."""


class SourceReader(Protocol):
    """One kind of store."""

    def list(self, uri: str) -> Iterator[SourceEntry]:
        """Yield what is at a URI, sorted by the bytes of the paths; no byte of the data is read.

        Raises:
            InputError: there is nothing, or something that cannot be data.
            HostError: the store refuses, or is out of reach.
        """

    def open(self, uri: str, entry: SourceEntry, offset: int) -> Reading:
        """Begin to read a listed file; never bytes of another version than the listed one.

        Raises:
            CutError: also from the chunks.
            IntegrityError: it has changed since it was listed.
            InputError: it is gone.
            HostError: the store refuses.
        """


class Origins(Protocol):
    """What a runner needs of data that stays outside of the storage."""

    def folder(self, uri: str) -> Path | None:
        """Return where the data lies on this machine, None if it has to be fetched.

        Raises:
            InputError: its disk is not mounted here.
        """

    def bring(self, origin: Origin, place: Path, subpath: str | None = None, stopped: Callable[[], bool] = ...) -> None:
        """Fetch the data, or the part at `subpath`, to the new folder `place`, checked against its pin.

        `stopped` is asked now and then, from several threads.

        Raises:
            IntegrityError: it is not what was pinned.
            InputError: it is gone, or there is no such part.
            HostError: it is out of reach, or cannot be written.
            CancelledError: it was stopped.
        """
