"""The first use of a store: does it keep what the protocol is built on? Told by trying it, under keys of its own."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from traintrack.errors import HostError
from traintrack.ports.objects import Bucket, Etag, PreconditionFailedError, UnknownOutcomeError

T = TypeVar("T")

PROBES: Final = "probe/"
_TRIES: Final = 6
_RIVALS: Final = 8
_FIRST_PAUSE_S: Final = 0.1


class Probe(Struct, frozen=True):
    """What a store kept. `left` are keys that could not be removed again, as the role may not.

    Args:
        creates_once: a second write with `If-None-Match: *` was refused.
        creates_one: of several such writes at once, one won.
        replaces_seen: a write with `If-Match` and a former etag was refused, one with the newest was not.
        replaces_existing: a write with `If-Match` was refused where nothing is.
        reads_at_once: each read and list showed what was answered before it.
        round_trip_s: of the fastest of several reads.
    """

    creates_once: bool
    creates_one: bool
    replaces_seen: bool
    replaces_existing: bool
    reads_at_once: bool
    round_trip_s: float
    left: tuple[str, ...] = ()

    def missing(self) -> tuple[str, ...]:
        """Return what the store does not keep, in words."""
        found = {
            "a second write with `If-None-Match: *` took effect": self.creates_once,
            "of several writes with `If-None-Match: *` at once, not exactly one took effect": self.creates_one,
            "a write with `If-Match` and a former etag took effect": self.replaces_seen,
            "a write with `If-Match` took effect where nothing was": self.replaces_existing,
            "a read or a list did not show what had been written": self.reads_at_once,
        }
        return tuple(words for words, kept in found.items() if not kept)


def demand_conditions(bucket: Bucket) -> Mapping[str, Any]:
    """Probe a store and return what it keeps, as plain values.

    Raises:
        HostError: it may not be shared: it does not keep conditions; or it refuses, or gave no clear answer.
    """
    found = probe(bucket)
    missing = found.missing()
    if missing:
        raise HostError(
            f"`{bucket.url}` cannot be shared: the store does not keep conditions",
            code="no-conditions",
            hint="use a store that keeps `If-None-Match` and `If-Match`, such as S3 itself, or a folder as `storage`",
            details=missing,
        )
    told: Mapping[str, Any] = msgspec.to_builtins(found)
    return told


def probe(bucket: Bucket) -> Probe:
    """Try what the protocol needs, some twenty small requests, and remove it again.

    Raises:
        HostError: the store refuses, or gave no clear answer again and again.
    """
    trial = _Trial(bucket)
    try:
        found = {
            "creates_once": trial.until_clear(trial.creates_once),
            "creates_one": trial.until_clear(trial.creates_one),
            "replaces_seen": trial.until_clear(trial.replaces_seen),
            "replaces_existing": trial.until_clear(trial.replaces_existing),
            "reads_at_once": trial.until_clear(trial.reads_at_once),
        }
        round_trip_s = trial.until_clear(trial.round_trip_s)
    finally:
        left = trial.clean_up()
    return Probe(**found, round_trip_s=round_trip_s, left=left)


class _Trial:
    """One probe. Each try of a step has a key of its own, so that no late request of another disturbs it."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._keys: list[str] = []

    def until_clear(self, step: Callable[[str], T]) -> T:
        pause_s = _FIRST_PAUSE_S
        for tried in range(1, _TRIES + 1):
            self._keys.append(f"{PROBES}{secrets.token_hex(16)}")
            try:
                return step(self._keys[-1])
            except UnknownOutcomeError as error:
                if tried == _TRIES:
                    raise _unclear(self._bucket.url, error) from error
                time.sleep(pause_s)
                pause_s *= 2
        raise AssertionError

    def creates_once(self, key: str) -> bool:
        self._bucket.put_if_absent(key, b"first")
        return _refused(lambda: self._bucket.put_if_absent(key, b"second")) and self._holds(key, b"first")

    def creates_one(self, key: str) -> bool:
        datas = [b"rival %d" % number for number in range(_RIVALS)]

        def won(data: bytes) -> bool:
            try:
                self._bucket.put_if_absent(key, data)
            except (PreconditionFailedError, UnknownOutcomeError):
                return False  # 409 is what S3 answers to some of those who collide.
            return True

        with ThreadPoolExecutor(_RIVALS) as pool:
            winners = [data for data, wins in zip(datas, pool.map(won, datas), strict=True) if wins]
        if not winners:
            raise UnknownOutcomeError(f"{self._bucket.url}{key}: none of {_RIVALS} writes was answered")
        return len(winners) == 1 and self._holds(key, winners[0])

    def replaces_seen(self, key: str) -> bool:
        former = self._bucket.put_if_absent(key, b"first")
        newest = self._bucket.put_if_match(key, b"second", former)
        refused = _refused(lambda: self._bucket.put_if_match(key, b"third", former))
        got = self._bucket.get(key)
        return refused and got is not None and got.data == b"second" and got.etag == newest

    def replaces_existing(self, key: str) -> bool:
        return _refused(lambda: self._bucket.put_if_match(key, b"first", Etag('"0123456789abcdef0123456789abcdef"')))

    def reads_at_once(self, key: str) -> bool:
        for number in range(3):
            at = f"{key}.{number}"
            self._keys.append(at)
            self._bucket.put(at, b"here")
            if not self._holds(at, b"here") or self._bucket.size_bytes(at) != 4:
                return False
        return list(self._bucket.list(f"{key}.")) == [f"{key}.{number}" for number in range(3)]

    def round_trip_s(self, key: str) -> float:
        return min(self._reading_s(key) for _ in range(4))

    def _reading_s(self, key: str) -> float:
        begin = time.perf_counter()
        self._bucket.get(key)
        return time.perf_counter() - begin

    def clean_up(self) -> tuple[str, ...]:
        """Remove what was written, and return what is still there."""
        return tuple(key for key in self._keys if not self._removed(key))

    def _removed(self, key: str) -> bool:
        try:
            self._bucket.delete(key)
        except (HostError, UnknownOutcomeError):
            return False
        return True

    def _holds(self, key: str, data: bytes) -> bool:
        got = self._bucket.get(key)
        return got is not None and got.data == data


def _refused(write: Callable[[], object]) -> bool:
    try:
        write()
    except PreconditionFailedError:
        return True
    return False


def _unclear(url: str, error: Exception) -> HostError:
    hint = "look at network and endpoint, then run the same command again"
    return HostError(f"`{url}` gave no clear answer: {error}", code="storage-unclear", hint=hint)
