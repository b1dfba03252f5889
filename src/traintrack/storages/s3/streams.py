"""Bytes on their way: exactly as many as were promised, and never many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from traintrack.errors import InternalError
from traintrack.ports.objects import UnknownOutcomeError

MIB: Final = 1 << 20
PART_BYTES: Final = 8 * MIB
CHUNK_BYTES: Final = 8 * MIB
_IN_FLIGHT_BYTES: Final = 32 * MIB
_MAX_PARTS: Final = 10_000
"""Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits"."""


def part_size(size_bytes: int) -> int:
    """How long the parts of an object are: as short as their number allows, in whole MiB."""
    shortest = -(-size_bytes // _MAX_PARTS)
    return max(PART_BYTES, -(-shortest // MIB) * MIB)


def parts_in_flight(part_bytes: int) -> int:
    """How many parts may be on their way at once."""
    return max(1, _IN_FLIGHT_BYTES // part_bytes)


class Promised:
    """Chunks that are as many bytes as was said; their end is an error otherwise, so that no other object comes to be.

    `failed` is what ended them early: the client's own errors must not be taken for those of whoever gives the bytes.
    """

    def __init__(self, chunks: Iterable[bytes], size_bytes: int, key: str) -> None:
        self._chunks, self._size_bytes, self._key = chunks, size_bytes, key
        self.failed: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._counted()
        except GeneratorExit:
            raise
        except BaseException as error:
            self.failed = error
            raise

    def _counted(self) -> Iterator[bytes]:
        seen = 0
        for chunk in self._chunks:
            seen += len(chunk)
            if seen > self._size_bytes:
                break
            yield chunk
        if seen != self._size_bytes:
            words = f"`{self._key}` is not of the {self._size_bytes} bytes that were promised"
            raise InternalError(words, code="stream-size")


def exactly(chunks: Iterator[memoryview], length: int, url: str) -> Iterator[memoryview]:
    """Pass the chunks on.

    Raises:
        UnknownOutcomeError: they are more or fewer bytes than `length`; never more are passed on.
    """
    left = length
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            break
        yield chunk
    if left:
        raise UnknownOutcomeError(f"{url}: {length - left} bytes came in place of {length}")
