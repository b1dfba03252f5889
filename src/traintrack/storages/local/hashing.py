"""Content digests of open files."""

from __future__ import annotations

import os

from blake3 import blake3

from traintrack.digest import ContentDigest

_SMALL = 1 << 14
_LARGE = 1 << 20
_BUFFER = 4 << 20


def hash_file(fd: int, size_bytes: int) -> tuple[ContentDigest, int]:
    """Return the BLAKE3 of an open file from where it stands to its end, and how many bytes that were.

    `size_bytes` is only what to expect. A file of a MiB or more is hashed by all cores. It is read and not
    mapped: a mapped file that gets shorter, or that the disk cannot read, kills the process.

    Raises:
        OSError: it cannot be read.
    """
    if size_bytes < _SMALL:
        data = os.read(fd, _SMALL)
        if len(data) < _SMALL:
            return ContentDigest(blake3(data).hexdigest()), len(data)
        hasher, read = blake3(data), len(data)
    else:
        hasher, read = blake3(max_threads=blake3.AUTO if size_bytes >= _LARGE else 1), 0
    buffer = memoryview(bytearray(min(max(size_bytes, _SMALL), _BUFFER)))
    while count := os.readv(fd, [buffer]):
        hasher.update(buffer[:count])
        read += count
    return ContentDigest(hasher.hexdigest()), read
