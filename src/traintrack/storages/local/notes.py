"""What each file of an artifact looked like when it was committed, so that reading it again needs no hashing.

A note is size, mtime, ctime and inode. Nobody can change bytes and keep all four but by setting the clock; so only
a file that differs from its note is hashed again. Notes stand beside the artifact and are never hashed.
An artifact of a few small files has none, and is hashed each time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from traintrack.action.manifest import Manifest

Note = tuple[int, int, int, int]
"""Size in bytes, mtime and ctime in nanoseconds, inode."""

NOTES_FORMAT = "traintrack/layout/1"

_FEW_ENTRIES = 8
_FEW_BYTES = 1 << 15


class _Stored(msgspec.Struct):
    format: str
    files: dict[str, Note]


_decoder = msgspec.json.Decoder(_Stored)


def worth_noting(manifest: Manifest) -> bool:
    """Tell if notes save time: a few small files are hashed faster than their notes are written and read."""
    return len(manifest.entries) > _FEW_ENTRIES or manifest.size_bytes > _FEW_BYTES


def note_of(there: os.stat_result) -> Note:
    """The note of a file as it stands."""
    return (there.st_size, there.st_mtime_ns, there.st_ctime_ns, there.st_ino)


def encode_notes(notes: Mapping[str, Note]) -> bytes:
    """Return the JSON bytes of the notes of an artifact, by path."""
    return msgspec.json.encode({"format": NOTES_FORMAT, "files": notes})


def decode_notes(data: bytes | None) -> dict[str, Note]:
    """Read notes; none, damaged or newer ones are as good as empty: everything is then hashed."""
    if data is None:
        return {}
    try:
        stored = _decoder.decode(data)
    except msgspec.MsgspecError:
        return {}
    return stored.files if stored.format == NOTES_FORMAT else {}
