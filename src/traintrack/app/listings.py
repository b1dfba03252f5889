"""Listings of sources in the user's cache, by digest: they say what has changed when one does not match its pin."""

from __future__ import annotations

import gzip
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from traintrack.app.environment import cache_folder
from traintrack.storages.sources.listing import header

MOST_LISTINGS = 64
"""The oldest go first: the largest takes some 20 MB, and nothing is lost but words."""


class ListingFile:
    """A listing that is being written; it is dropped unless it is kept."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self.digest: str | None = None

    def write(self, row: bytes) -> None:
        """Add a row. A disk that refuses is no reason to end anything."""
        try:
            if self._file is not None:
                self._file.write(row)
        except OSError:
            self._file = None

    def keep(self, digest: str) -> None:
        """Say what it is called; it is kept when its context ends."""
        self.digest = digest if self._file is not None else None


class KeptListings:
    """A folder of compressed listings."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cache_folder() / "listings"

    @contextmanager
    def writing(self) -> Iterator[ListingFile]:
        """Open a new listing, which is there in full or not at all."""
        temporary = self._folder / f"part-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            raw: BinaryIO | None = cast("BinaryIO", gzip.open(temporary, "xb", compresslevel=1))  # noqa: SIM115  closed by `_close`
        except OSError:
            raw = None
        made = ListingFile(raw)
        made.write(header())
        try:
            yield made
        finally:
            self._close(made, raw, temporary)

    def rows(self, digest: str) -> Iterator[bytes] | None:
        """The rows of a listing with its header, None if it is not known here."""
        path = self._folder / f"{digest}.gz"
        return _lines(path) if path.is_file() else None

    def _close(self, made: ListingFile, raw: BinaryIO | None, temporary: Path) -> None:
        try:
            if raw is not None:
                raw.close()
            if made.digest is None:
                temporary.unlink(missing_ok=True)
                return
            temporary.replace(self._folder / f"{made.digest}.gz")
            self._make_room()
        except OSError:
            return  # Only words are lost.

    def _make_room(self) -> None:
        found = sorted(self._folder.glob("*.gz"), key=lambda path: path.stat().st_mtime_ns)
        for path in found[:-MOST_LISTINGS]:
            path.unlink(missing_ok=True)


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        yield from file
