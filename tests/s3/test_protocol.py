"""The protocol's real code over a bucket of a real server: the schedules of tests/protocol, and threads with bad answers."""

from __future__ import annotations

import itertools
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "protocol"))

import driver

from traintrack.ports.objects import Etag, Got, PreconditionFailedError, UnknownOutcomeError
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.memory_objects import MemoryObjects, Turns, Watcher
from traintrack.testing.s3_server import INTERNAL_ERROR, LoseAnswer, Rule, S3Server
from traintrack.testing.schedule import Fate, Faults

SCENARIOS = {
    "two workers": driver.Scenario(),
    "three workers, many unclear answers": driver.Scenario(workers=(0, 0, 0), faults=Faults(crashes=2, unclear=8)),
    "a collector, and a result that another takes": driver.Scenario(
        (0, 1), collectors=1, rounds=2, quarantines=1, hints=True, made=(1,)
    ),
    "two collectors": driver.Scenario((0, 1), collectors=2, rounds=2, faults=Faults(1, 4), outputs=1),
}


class ServedObjects(MemoryObjects):
    """Takes turns as the objects in memory do, but asks a server; what it answers must be what memory holds."""

    def __init__(self, s3: S3Server, bucket: S3Bucket, turns: Turns | None, watcher: Watcher | None) -> None:
        super().__init__(turns, watcher)
        self._s3, self._bucket = s3, bucket
        self._unclear = threading.local()

    def _got(self, key: str) -> Got | None:
        got = self._bucket.get(key)
        assert (got.data if got else None) == self.objects.get(key)
        return got

    def size_bytes(self, key: str) -> int | None:
        return self._read(f"head {key}", lambda: self._bucket.size_bytes(key))

    def list(self, prefix: str):
        found = self._read(f"list {prefix}", lambda: list(self._bucket.list(prefix)))
        return iter(found)

    def _put_if(self, key: str, data: bytes, etag: Etag | None) -> Etag:
        fate = getattr(self._unclear, "fate", Fate.ANSWERED)
        effects = {Fate.REFUSED: INTERNAL_ERROR, Fate.LOST: LoseAnswer()}
        self._s3.faults.clear()
        if fate in effects:
            self._s3.faults.add(Rule(effects[fate], operations=("PutObject",), times=1))
        now = self.objects.get(key)
        try:
            put = (lambda: self._bucket.put_if_absent(key, data)) if etag is None else None
            made = put() if put else self._bucket.put_if_match(key, data, etag)
        except UnknownOutcomeError:
            assert fate in effects
            if fate is Fate.LOST and self._s3.buckets.read("models", f"{self._prefix}{key}") == data != now:
                self._note(key, data)
            raise
        self._note(key, data)
        return made

    @property
    def _prefix(self) -> str:
        return self._bucket.url.removeprefix("s3://models/")

    def _change(self, key: str, data: bytes | None) -> None:
        if data is None:
            self._bucket.delete(key)
        else:
            self._bucket.put(key, data)
        self._note(key, data)

    def _note(self, key: str, data: bytes | None) -> None:
        super()._change(key, data)

    def _write(self, doing, request):
        """As the parent, but a conditional write that is refused or lost is so on the wire."""
        if doing.partition(" ")[0] not in {"create", "replace"}:
            return super()._write(doing, request)
        fate = self._turns.turn(doing)
        if fate is Fate.LATE:
            self._turns.deliver_later(lambda: self._late(request))
            raise UnknownOutcomeError(doing)
        with self._guard:
            self._unclear.fate = fate
            try:
                return request()
            finally:
                self._unclear.fate = Fate.ANSWERED


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_promises_hold_over_random_schedules_on_a_server(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(8):
        bucket = S3Bucket(f"s3://models/{seed}")
        monkeypatch.setattr(
            driver, "MemoryObjects", lambda t=None, w=None, bucket=bucket: ServedObjects(s3, bucket, t, w)
        )
        outcomes += driver.play(SCENARIOS[name], driver.numbers_of(seed)).outcomes

    assert outcomes["executed"] > 0


def test_with_a_third_of_all_answers_bad_no_update_is_lost_and_none_counts_twice(s3: S3Server) -> None:
    """Cells by compare-and-swap, as ObjectCells does it: an unclear answer is read, and one's own nonce is known."""
    bucket = S3Bucket("s3://models/n")
    bucket.put("n", b"")
    effects = (INTERNAL_ERROR, LoseAnswer())
    s3.faults.add(*(Rule(e, operations=("PutObject",), probability=0.16, seed=n) for n, e in enumerate(effects)))

    def add(nonce: str) -> None:
        while True:
            got = bucket.get("n")
            assert got is not None
            written = got.data.decode().split()
            if nonce in written:
                return
            try:
                bucket.put_if_match("n", " ".join([*written, nonce]).encode(), got.etag)
                return
            except (PreconditionFailedError, UnknownOutcomeError):
                continue

    def work(who: int) -> None:
        for number in range(15):
            add(f"{who}.{number}")

    threads = [threading.Thread(target=work, args=(who,)) for who in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    s3.faults.clear()
    got = bucket.get("n")
    assert got is not None
    assert sorted(got.data.decode().split()) == sorted(f"{w}.{n}" for w, n in itertools.product(range(10), range(15)))
