"""A file that arrives in ranges, in any order, and is hashed in its own order while the rest is on the way."""

from __future__ import annotations

import os
import threading

from blake3 import blake3

_BUFFER = 4 << 20


class LargeFile:
    """An open file of `size_bytes`; closed by who opened it. Safe between threads."""

    def __init__(self, fd: int, size_bytes: int, range_bytes: int) -> None:
        self.fd = fd
        self._size, self._range = size_bytes, range_bytes
        self._guard = threading.Lock()
        self._here: set[int] = set()
        self._hashed = 0
        self._hashing = False
        self._hasher = blake3(max_threads=blake3.AUTO)

    @property
    def ranges(self) -> range:
        """Where each range begins."""
        return range(0, self._size, self._range)

    def length(self, start: int) -> int:
        """How long the range is that begins there."""
        return min(self._range, self._size - start)

    def arrived(self, start: int) -> str | None:
        """Take note of a range that is written; the one call after which all is hashed returns the digest, as hex."""
        with self._guard:
            self._here.add(start)
            if self._hashing:
                return None
            self._hashing = True
        while self._next_is_here():
            self._hash(self._hashed, self.length(self._hashed))
            self._hashed += self._range
        return self._hasher.hexdigest() if self._hashed >= self._size else None

    def _next_is_here(self) -> bool:
        with self._guard:
            self._hashing = self._hashed in self._here
            return self._hashing

    def _hash(self, start: int, length: int) -> None:
        buffer = memoryview(bytearray(min(length, _BUFFER)))
        end = start + length
        while start < end:
            count = os.preadv(self.fd, [buffer[: end - start]], start)
            if not count:
                raise OSError(f"the file ends at {start}")
            self._hasher.update(buffer[:count])
            start += count
