"""Reads a bucket for a look over it: past the cache, many at a time, and page by page where there are many keys."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from traintrack.digest import TargetId
from traintrack.ports.objects import Bucket, Got, Listed, UnknownOutcomeError
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.pace import Pace, Patience, patiently

READERS = 64

T = TypeVar("T")
R = TypeVar("R")


class Reading:
    """One namespace of a bucket, as it is there. Safe between threads."""

    def __init__(self, bucket: Bucket, keys: Keys, pace: Pace) -> None:
        self.bucket, self.keys, self.pace = bucket, keys, pace

    def get(self, key: str) -> Got | None:
        """Return an object, None if there is none.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        return patiently(self.pace, f"read `{key}`", lambda: self.bucket.get(key))

    def cell(self, id_: TargetId) -> Got | None:
        """Return the bytes of a cell, None if it is absent.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        return self.get(self.keys.cell(id_))

    def size_bytes(self, key: str) -> int | None:
        """Return how long an object is, None if there is none.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        return patiently(self.pace, f"look for `{key}`", lambda: self.bucket.size_bytes(key))

    def entries(self, prefix: str) -> Iterator[Listed]:
        """Yield what begins with `prefix`, in order; a listing that breaks off goes on behind its last key.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        last = b""
        while True:
            patience, began = Patience(self.pace, f"list `{prefix}`"), last
            while last == began:
                try:
                    for entry in self.bucket.entries(prefix):
                        key = entry.key.encode()
                        if key > last:
                            last = key
                            yield entry
                    return
                except UnknownOutcomeError as error:
                    patience.pause(error)


def in_parallel(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield what `work` says of each item, in order; only a few more than `READERS` are under way."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= 2 * READERS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
