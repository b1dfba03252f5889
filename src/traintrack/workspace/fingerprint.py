"""Digests that tell whether what was read is still there; they name nothing and are no part of an ID."""

from __future__ import annotations

import os

from blake3 import blake3

from traintrack.workspace.small_file import read_small

SIZE_BYTES = 16


def fingerprint(data: bytes) -> bytes:
    """The digest of some bytes: BLAKE3, whose module is there sooner than `hashlib`."""
    return blake3(data).digest(SIZE_BYTES)


def fingerprint_of_file(path: str) -> bytes | None:
    """The digest of what the parser would read; None if there is nothing, empty if it cannot be read."""
    try:
        return fingerprint(read_small(path))
    except OSError:
        return b"" if os.path.lexists(path) else None
