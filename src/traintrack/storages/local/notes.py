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
from traintrack.action.stored import decode_stored
from traintrack.digest import ArtifactDigest
from traintrack.storages.local.checksum import has_sum, sum_is_right, with_sum

Note = tuple[int, int, int, int]
"""Size in bytes, mtime and ctime in nanoseconds, inode."""

NOTES_FORMAT = "traintrack/layout/1"

_FEW_ENTRIES = 8
_FEW_BYTES = 1 << 15


class _Stored(msgspec.Struct):
    format: str
    files: dict[str, Note]


def worth_noting(manifest: Manifest) -> bool:
    """Tell if notes save time: a few small files are hashed faster than their notes are written and read."""
    return len(manifest.entries) > _FEW_ENTRIES or manifest.size_bytes > _FEW_BYTES


def note_of(there: os.stat_result) -> Note:
    """The note of a file as it stands."""
    return (there.st_size, there.st_mtime_ns, there.st_ctime_ns, there.st_ino)


def encode_notes(notes: Mapping[str, Note], artifact: ArtifactDigest) -> bytes:
    """Return the JSON bytes of the notes of an artifact, by path; the checksum ties them to it."""
    return with_sum(msgspec.json.encode({"format": NOTES_FORMAT, "files": notes}), artifact)


def decode_notes(data: bytes | None, artifact: ArtifactDigest) -> dict[str, Note]:
    """Read notes; none, damaged or newer ones are as good as empty: everything is then hashed."""
    return (_decoded(data, artifact) if data is not None else None) or {}


def notes_are_readable(data: bytes, artifact: ArtifactDigest) -> bool:
    """Tell if these are whole notes of this artifact."""
    return _decoded(data, artifact) is not None


def _decoded(data: bytes, artifact: ArtifactDigest) -> dict[str, Note] | None:
    # Notes of version 0.1.0 have no checksum and end in the closing braces of `files` and of the whole.
    is_older = data.endswith(b"}}") and not has_sum(data)
    if not is_older and not sum_is_right(data, artifact):
        return None
    try:
        stored = decode_stored(data, _Stored)
    except msgspec.MsgspecError:
        return None
    return stored.files if stored.format == NOTES_FORMAT else None
