"""A strict object store in memory: conditions are kept, and each request meets the fate that a schedule gives it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from traintrack.digest import sha256_hex
from traintrack.ports.objects import Etag, Got, PreconditionFailedError, UnknownOutcomeError
from traintrack.testing.schedule import Fate

T = TypeVar("T")

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
    """Objects in a dictionary under one lock. Equal bytes have equal etags, as on S3, where they are a hash of the bytes."""

    def __init__(self, turns: Turns | None = None, watcher: Watcher | None = None) -> None:
        self._turns = turns or AtOnce()
        self._watcher = watcher or (lambda _key, _before, _after: None)
        self._guard = threading.RLock()
        self.objects: dict[str, bytes] = {}

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


def _etag(data: bytes) -> Etag:
    return Etag(sha256_hex(data)[:32])
