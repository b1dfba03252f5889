"""Decides which files of an artifact become objects of their own, and which share a pack.

Packs are filled in the manifest's order, so that what lies in one folder lies together. One pack is small enough to
be held in memory: it is put in one request, and put again without reading it anew.
"""

from __future__ import annotations

from array import array

from msgspec import Struct

from traintrack.action.manifest import Entry, Manifest
from traintrack.digest import ContentDigest
from traintrack.storages.objects.layout import filled_files

PLAIN_FROM_BYTES = 1 << 20
"""A file of this size or more is an object of its own, which other tools can read."""

PACK_BYTES = 16 << 20
"""No pack is longer."""


class Pack(Struct, frozen=True):
    """Files whose bytes follow one another in one object."""

    files: tuple[Entry, ...]
    size_bytes: int


class Placement(Struct, frozen=True):
    """What goes where, before any byte is read. `rows` are those of the layout: first the plain ones count, then the packs."""

    plain: tuple[Entry, ...]
    packs: tuple[Pack, ...]
    rows: array[int]


def place(manifest: Manifest) -> Placement:
    """Place every file that is not empty; equal files have one place."""
    plain = tuple({e.digest: e for e in filled_files(manifest) if e.size >= PLAIN_FROM_BYTES}.values())
    number_of = {e.digest: number for number, e in enumerate(plain)}
    packs = _Packs(len(plain))
    rows = array("q")
    for entry in filled_files(manifest):
        number = number_of.get(entry.digest)
        rows.extend((number, 0) if number is not None else packs.place(entry))
    return Placement(plain, packs.finished(), rows)


class _Packs:
    """Packs being filled. A place is kept as one number, since there may be a million."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._done: list[Pack] = []
        self._files: list[Entry] = []
        self._length = 0
        self._known: dict[ContentDigest | None, int] = {}

    def place(self, entry: Entry) -> tuple[int, int]:
        known = self._known.get(entry.digest)
        if known is None:
            if self._length + entry.size > PACK_BYTES:
                self._close()
            known = len(self._done) * PACK_BYTES + self._length
            self._known[entry.digest] = known
            self._files.append(entry)
            self._length += entry.size
        pack, offset = divmod(known, PACK_BYTES)
        return self._first + pack, offset

    def finished(self) -> tuple[Pack, ...]:
        self._close()
        return tuple(self._done)

    def _close(self) -> None:
        if self._files:
            self._done.append(Pack(tuple(self._files), self._length))
        self._files, self._length = [], 0
