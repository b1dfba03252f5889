"""Reads parts of objects: a cut answer goes on where it was, and bytes that are not there are told from an unclear answer."""

from __future__ import annotations

from collections.abc import Iterator

from traintrack.errors import HostError
from traintrack.ports.objects import Bucket, UnknownOutcomeError
from traintrack.storages.objects.pace import Pace, Patience, patiently


class LostBytesError(Exception):
    """Bytes that a layout names are not there, or others; the words say which."""


class Ranges:
    """The reading side of a bucket."""

    def __init__(self, bucket: Bucket, pace: Pace) -> None:
        self._bucket, self._pace = bucket, pace

    def whole(self, key: str, start: int, length: int) -> memoryview:
        """Return `length` bytes from `start` on; see `stream`."""
        chunks = [memoryview(chunk) for chunk in self.stream(key, start, length)]
        return chunks[0] if len(chunks) == 1 else memoryview(b"".join(chunks))

    def stream(self, key: str, start: int, length: int) -> Iterator[bytes | memoryview]:
        """Yield `length` bytes from `start` on, never more.

        Raises:
            LostBytesError: there is no such object, or it ends before.
            HostError: there was no clear answer until the deadline.
        """
        got = 0
        while got < length:
            patience = Patience(self._pace, f"read `{key}`")
            began = got
            while got == began:
                cause: Exception = UnknownOutcomeError(f"{got} of {length} bytes came")
                try:
                    for chunk in self._bucket.read(key, start + got, length - got):
                        part = chunk if len(chunk) <= length - got else chunk[: length - got]
                        got += len(part)
                        yield part
                except (FileNotFoundError, UnknownOutcomeError, HostError) as error:
                    cause = error
                if got < length:
                    self._demand_length(key, start + length)
                    _demand_unclear(cause)
                    patience.pause(cause)

    def _demand_length(self, key: str, least_bytes: int) -> None:
        """A store answers oddly where an object is shorter than it should be: so its size is asked for."""
        size = patiently(self._pace, f"look for `{key}`", lambda: self._bucket.size_bytes(key))
        if size is None:
            raise LostBytesError(f"`{key}` is missing")
        if size < least_bytes:
            raise LostBytesError(f"`{key}` has {size} bytes, not {least_bytes} or more")


def _demand_unclear(cause: Exception) -> None:
    """Raise what trying again cannot change."""
    if isinstance(cause, HostError):
        raise cause
