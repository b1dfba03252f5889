"""Decides which files of an artifact become objects of their own, and which share a pack.

Packs are filled in the manifest's order, so that what lies in one folder lies together. One pack is small enough to
be held in memory: it is put in one request, and put again without reading it anew.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from msgspec import Struct

from traintrack.action.entries import Chosen, Entries
from traintrack.action.manifest import Entry, EntryType, Manifest

PLAIN_FROM_BYTES = 1 << 20
"""A file of this size or more is an object of its own, which other tools can read."""

PACK_BYTES = 16 << 20
"""No pack is longer."""


class Pack(Struct, frozen=True):
    """Files whose bytes follow one another in one object."""

    files: Sequence[Entry]
    size_bytes: int


class Placement(Struct, frozen=True):
    """What goes where, before any byte is read. `rows` are those of the layout: first the plain ones count, then the packs."""

    plain: tuple[Entry, ...]
    packs: tuple[Pack, ...]
    rows: array[int]


def place(manifest: Manifest) -> Placement:
    """Place every file that is not empty; equal files have one place."""
    entries = manifest.columns()
    filled = array("L", (n for n, e in enumerate(entries) if e.type is EntryType.FILE and e.size))
    firsts = _firsts(entries, filled)
    plain = [n for place, n in enumerate(filled) if firsts[place] == place and entries[n].size >= PLAIN_FROM_BYTES]
    number_of = {entry: number for number, entry in enumerate(plain)}
    packs, rows = _Packs(entries, len(plain)), array("q")
    for place, first in enumerate(firsts):
        if first != place:
            rows.extend(rows[2 * first : 2 * first + 2])
            continue
        number = number_of.get(filled[place])
        rows.extend((number, 0) if number is not None else packs.place(filled[place]))
    return Placement(tuple(entries[n] for n in plain), packs.finished(), rows)


def _firsts(entries: Entries, filled: array[int]) -> array[int]:
    """For each of the files the place of the first one that is equal to it."""
    firsts = array("L", range(len(filled)))
    previous, first = b"", 0
    for place in sorted(range(len(filled)), key=lambda place: entries.raw_digest(filled[place])):
        digest = entries.raw_digest(filled[place])
        if digest != previous:
            previous, first = digest, place
        firsts[place] = first
    return firsts


class _Packs:
    """Packs being filled."""

    def __init__(self, entries: Entries, first: int) -> None:
        self._entries, self._first = entries, first
        self._done: list[Pack] = []
        self._files = array("L")
        self._length = 0

    def place(self, number: int) -> tuple[int, int]:
        size = self._entries[number].size
        if self._length + size > PACK_BYTES:
            self._close()
        self._files.append(number)
        self._length += size
        return self._first + len(self._done), self._length - size

    def finished(self) -> tuple[Pack, ...]:
        self._close()
        return tuple(self._done)

    def _close(self) -> None:
        if self._files:
            self._done.append(Pack(Chosen(self._entries, self._files), self._length))
        self._files, self._length = array("L"), 0
