"""A strict object store in memory: conditions are kept, and each request meets the fate that a schedule gives it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar

from traintrack.digest import sha256_hex
from traintrack.errors import InternalError
from traintrack.ports.objects import Etag, Got, Listed, PreconditionFailedError, UnknownOutcomeError
from traintrack.testing.schedule import Fate

T = TypeVar("T")

_CHUNK: Final = 1 << 20

Watcher = Callable[[str, bytes | None, bytes | None], None]
"""Told of each change before anybody can see it: key, bytes before, bytes after (None: not there)."""


class Turns(Protocol):
    """Who decides what becomes of a request; `Schedule` is one."""

    def turn(self, doing: str, *, unclear: bool = True) -> Fate:
        """Wait for one's turn and return the fate of the request."""

    def deliver_later(self, request: Callable[[], object]) -> None:
        """Let a request take effect at some later time."""


class AtOnce:
    """Every request is answered at once."""

    def turn(self, doing: str, *, unclear: bool = True) -> Fate:
        """No turns."""
        del doing, unclear
        return Fate.ANSWERED

    def deliver_later(self, request: Callable[[], object]) -> None:
        """Nothing is late."""
        request()


class MemoryObjects:
    """A `Bucket` in a dictionary under one lock. Equal bytes have equal etags, as on S3, where they are a hash of the bytes.

    The time of an object is the number of changes before it, written as a time.
    """

    url = "memory://"

    def __init__(self, turns: Turns | None = None, watcher: Watcher | None = None) -> None:
        self._turns = turns or AtOnce()
        self._watcher = watcher or (lambda _key, _before, _after: None)
        self._guard = threading.RLock()
        self.objects: dict[str, bytes] = {}
        self._changes = 0
        self._times: dict[str, int] = {}

    def get(self, key: str) -> Got | None:
        """Return an object."""
        return self._read(f"get {key}", lambda: self._got(key))

    def size_bytes(self, key: str) -> int | None:
        """Return the size of an object."""
        return self._read(f"head {key}", lambda: len(self.objects[key]) if key in self.objects else None)

    def put(self, key: str, data: bytes) -> None:
        """Write."""
        self._write(f"put {key}", lambda: self._change(key, data))

    def put_if_absent(self, key: str, data: bytes) -> Etag:
        """Write if there is nothing."""
        return self._write(f"create {key}", lambda: self._put_if(key, data, None))

    def put_if_match(self, key: str, data: bytes, etag: Etag) -> Etag:
        """Write if it is the one that was read."""
        return self._write(f"replace {key}", lambda: self._put_if(key, data, etag))

    def list(self, prefix: str) -> Iterator[str]:
        """The keys, sorted."""
        return iter(self._read(f"list {prefix}", lambda: sorted(k for k in self.objects if k.startswith(prefix))))

    def delete(self, key: str) -> None:
        """Remove; an unclear one may come twice."""
        self._write(f"delete {key}", lambda: self._change(key, None))

    def put_stream(self, key: str, chunks: Iterable[bytes], size_bytes: int) -> None:
        """Write from chunks."""
        data = b"".join(chunks)
        if len(data) != size_bytes:
            raise InternalError(f"`{key}` was to have {size_bytes} bytes and has {len(data)}", code="stream-size")
        self._write(f"put {key}", lambda: self._change(key, data))

    def read(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """Yield a range, in chunks of 1 MiB."""
        data = self._read(f"get {key} {start}+{length}", lambda: self.objects.get(key))
        if data is None:
            raise FileNotFoundError(key)
        if len(data) < start + length:
            raise UnknownOutcomeError(f"`{key}` ends at {len(data)}")
        for at in range(start, start + length, _CHUNK):
            yield data[at : min(at + _CHUNK, start + length)]

    def copy(self, source: str, target: str) -> None:
        """Copy."""
        self._write(f"copy {source} {target}", lambda: self._copy(source, target))

    def entries(self, prefix: str) -> Iterator[Listed]:
        """What is there, sorted by key."""
        return iter(self._read(f"entries {prefix}", lambda: self._listed(prefix)))

    def _copy(self, source: str, target: str) -> None:
        if source not in self.objects:
            raise FileNotFoundError(source)
        self._change(target, self.objects[source])

    def _listed(self, prefix: str) -> tuple[Listed, ...]:
        keys = sorted(key for key in self.objects if key.startswith(prefix))
        return tuple(Listed(key, len(self.objects[key]), _time(self._times.get(key, 0))) for key in keys)

    def _got(self, key: str) -> Got | None:
        data = self.objects.get(key)
        return None if data is None else Got(data, _etag(data))

    def _put_if(self, key: str, data: bytes, etag: Etag | None) -> Etag:
        now = self._got(key)
        if (now.etag if now else None) != etag:
            raise PreconditionFailedError(key)
        self._change(key, data)
        return _etag(data)

    def _change(self, key: str, data: bytes | None) -> None:
        before = self.objects.get(key)
        if data is None:
            self.objects.pop(key, None)
        else:
            self.objects[key] = data
        self._changes += 1
        self._times[key] = self._changes
        self._watcher(key, before, data)

    def _read(self, doing: str, request: Callable[[], T]) -> T:
        if self._turns.turn(doing) is not Fate.ANSWERED:
            raise UnknownOutcomeError(doing)
        with self._guard:
            return request()

    def _write(self, doing: str, request: Callable[[], T]) -> T:
        fate = self._turns.turn(doing)
        if fate is Fate.LATE:
            self._turns.deliver_later(lambda: self._late(request))
        if fate in (Fate.LATE, Fate.REFUSED):
            raise UnknownOutcomeError(doing)
        with self._guard:
            answer = request()
        if fate is Fate.LOST:
            raise UnknownOutcomeError(doing)
        return answer

    def _late(self, request: Callable[[], object]) -> None:
        with self._guard:
            try:
                request()
            except PreconditionFailedError:
                return  # Nobody waits for this answer.


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _etag(data: bytes) -> Etag:
    return Etag(sha256_hex(data)[:32])
