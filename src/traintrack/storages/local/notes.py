"""What each file of an artifact looked like when it was committed, so that reading it again needs no hashing.

A note is size, mtime, ctime and inode. Nobody can change bytes and keep all four but by setting the clock; so only
a file that differs from its note is hashed again. Notes stand beside the artifact and are never hashed.
An artifact of a few small files has none, and is hashed each time.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator

import msgspec

from traintrack.action.manifest import Manifest
from traintrack.action.stored import decode_stored
from traintrack.digest import ArtifactDigest
from traintrack.storages.local.checksum import has_sum, sum_is_right, with_sum

Note = tuple[int, ...]
"""Size in bytes, mtime and ctime in nanoseconds, inode; each as a whole number of 64 bits without a sign."""

NOTES_FORMAT = "traintrack/notes/2"

_FIRST_FORMAT = "traintrack/layout/1"
_FEW_ENTRIES = 8
_FEW_BYTES = 1 << 15
_NUMBERS = 4
_NONE = (0,) * _NUMBERS
_LARGEST = (1 << 64) - 1
_FILES_AT_ONCE = 1000


class Notes:
    """The notes of an artifact, by the number of the entry in its manifest. `fresh` counts those put since it was made."""

    def __init__(self, entries: int) -> None:
        self._numbers = array("Q", bytes(8 * _NUMBERS * entries))
        self.fresh = 0

    def __len__(self) -> int:
        return len(self._numbers) // _NUMBERS

    def note(self, number: int) -> Note | None:
        """The note of an entry, None if there is none."""
        found = tuple(self._numbers[_NUMBERS * number : _NUMBERS * (number + 1)])
        return found if found != _NONE else None

    def put(self, number: int, note: Note) -> None:
        """Note an entry."""
        self._numbers[_NUMBERS * number : _NUMBERS * (number + 1)] = array("Q", note)
        self.fresh += 1

    def rows(self) -> Iterator[list[int]]:
        """The stored form: the number of an entry, then its note and those of the entries that follow it."""
        row: list[int] = []
        for number in range(len(self)):
            note = self.note(number)
            if row and (note is None or len(row) > _NUMBERS * _FILES_AT_ONCE):
                yield row
                row = []
            if note is not None:
                row = row or [number]
                row.extend(note)
        if row:
            yield row


class _Stored(msgspec.Struct):
    format: str
    files: msgspec.Raw = msgspec.Raw(b"null")


def worth_noting(manifest: Manifest) -> bool:
    """Tell if notes save time: a few small files are hashed faster than their notes are written and read."""
    return len(manifest.entries) > _FEW_ENTRIES or manifest.size_bytes > _FEW_BYTES


def note_of(there: os.stat_result) -> Note:
    """The note of a file as it stands."""
    return (there.st_size, there.st_mtime_ns & _LARGEST, there.st_ctime_ns & _LARGEST, there.st_ino & _LARGEST)


def encode_notes(notes: Notes, artifact: ArtifactDigest) -> bytes:
    """Return the JSON bytes of the notes of an artifact; the checksum ties them to it."""
    whole = bytearray(b'{"format":"%b","files":[' % NOTES_FORMAT.encode())
    for number, row in enumerate(notes.rows()):
        whole += b"," if number else b""
        whole += msgspec.json.encode(row)
    whole += b"]}"
    return with_sum(whole, artifact)


def decode_notes(data: bytes | None, artifact: ArtifactDigest, manifest: Manifest) -> Notes:
    """Read notes; none, damaged or newer ones are as good as empty: everything is then hashed."""
    stored = _decoded(data, artifact) if data is not None else None
    try:
        if stored is not None and stored.format == NOTES_FORMAT:
            return _from_rows(stored.files, len(manifest.entries))
        if stored is not None and stored.format == _FIRST_FORMAT:
            return _from_paths(stored.files, manifest)
    except (msgspec.MsgspecError, OverflowError):
        pass
    return Notes(len(manifest.entries))


def notes_are_readable(data: bytes, artifact: ArtifactDigest) -> bool:
    """Tell if these are whole notes of this artifact."""
    stored = _decoded(data, artifact)
    return stored is not None and stored.format in (NOTES_FORMAT, _FIRST_FORMAT)


def _decoded(data: bytes, artifact: ArtifactDigest) -> _Stored | None:
    # Notes of version 0.1.0 have no checksum and end in the closing braces of `files` and of the whole.
    is_older = data.endswith(b"}}") and not has_sum(data)
    if not is_older and not sum_is_right(data, artifact):
        return None
    try:
        return decode_stored(data, _Stored)
    except msgspec.MsgspecError:
        return None


def _from_rows(files: msgspec.Raw, entries: int) -> Notes:
    notes = Notes(entries)
    for raw in msgspec.json.decode(files, type=list[msgspec.Raw]):
        first, *numbers = msgspec.json.decode(raw, type=list[int]) or [entries]
        count, rest = divmod(len(numbers), _NUMBERS)
        if rest or not 0 <= first <= entries - count:
            return Notes(entries)
        for place in range(count):
            notes.put(first + place, tuple(numbers[_NUMBERS * place : _NUMBERS * (place + 1)]))
    notes.fresh = 0
    return notes


def _from_paths(files: msgspec.Raw, manifest: Manifest) -> Notes:
    entries = manifest.columns()
    notes = Notes(len(entries))
    for path, note in msgspec.json.decode(files, type=dict[str, tuple[int, int, int, int]]).items():
        number = entries.find(path)
        if number is not None:
            notes.put(number, tuple(part & _LARGEST for part in note))
    notes.fresh = 0
    return notes
