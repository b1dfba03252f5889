"""The storage on a strict S3 server: the conformance suite, many cells at once, and what it may not do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from engineers import BUCKET

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, FreeReason, Owner, Result
from traintrack.digest import ArtifactDigest, ContentDigest, target_id
from traintrack.errors import HostError
from traintrack.ports.storage import CellConflictError
from traintrack.storages.cache.cache import open_cache
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.store import ObjectStorage, Opening, open_objects
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.storages.s3.probe import demand_conditions
from traintrack.testing.s3_server import (
    CONFLICT,
    INTERNAL_ERROR,
    SLOW_DOWN,
    Access,
    Delay,
    IgnoreConditions,
    LoseAnswer,
    Right,
    Rule,
    S3Server,
    Verb,
)
from traintrack.testing.storage_suite import StorageSuite, held

URL = f"s3://{BUCKET}/team"


def opened(home: Path) -> ObjectStorage:
    bucket = S3Bucket(URL)
    probe = partial(demand_conditions, bucket)
    return open_objects(bucket, open_cache(home / "store"), Opening(home / "notes", heartbeat_s=1.0), probe)


@pytest.fixture(autouse=True)
def _with_credentials(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environ().items():
        monkeypatch.setenv(name, value)


class TestOnS3(StorageSuite):
    @pytest.fixture(autouse=True)
    def _in_a_new_home(self, tmp_path: Path) -> None:
        self._home = tmp_path

    def open(self) -> ObjectStorage:
        return opened(self._home)


class TestOnS3WithBadAnswers(TestOnS3):
    """A tenth of the requests each is answered with 500, 503 or 409, or not at all."""

    @pytest.fixture(autouse=True)
    def _and_bad_answers(self, s3: S3Server, tmp_path: Path) -> Iterator[None]:
        opened(tmp_path)
        for number, what in enumerate((INTERNAL_ERROR, SLOW_DOWN, LoseAnswer())):
            s3.faults.add(Rule(what, probability=0.1, seed=number))
        s3.faults.add(Rule(CONFLICT, operations=("PutObject",), key="*/cell/*", probability=0.1, seed=9))
        yield
        s3.faults.clear()


def test_unknown_cells_are_read_with_at_least_64_requests_in_flight(s3: S3Server, tmp_path: Path) -> None:
    storage = opened(tmp_path)
    ids = [target_id(str(number).encode()) for number in range(500)]
    for number, id_ in enumerate(ids):
        result = Result(ArtifactDigest(f"{number:064x}"), ContentDigest("1" * 64), ContentDigest("2" * 64))
        cell = Cell(CellState.DONE, 1, f"n{number}", result=result)
        s3.buckets.write(BUCKET, f"team/{Keys().cell(id_)}", change.encode_cell(cell))
    s3.log.clear()
    s3.faults.add(Rule(Delay(0.25), operations=("GetObject",)))

    found = storage.cells.read(ids)

    assert all(found[id_].cell is not None for id_ in ids)
    assert max(request.under_way for request in s3.log.requests("GetObject")) >= 64
    assert s3.log.count() == 500
    s3.log.clear()
    again = opened(tmp_path)
    assert again.cells.remembered(ids) == found
    assert s3.log.count() == 1


def test_of_many_clients_one_takes_a_cell_and_one_takes_it_from_there(s3: S3Server, tmp_path: Path) -> None:
    id_ = target_id(b"one")
    clients = [opened(tmp_path / str(number)) for number in range(12)]
    s3.faults.add(Rule(LoseAnswer(), operations=("PutObject",), key="*/cell/*", probability=0.3, seed=1))
    s3.faults.add(Rule(CONFLICT, operations=("PutObject",), key="*/cell/*", probability=0.3, seed=2))
    for taken in range(3):
        seen = clients[0].cells.read([id_])[id_]
        won: list[int] = []
        gate = threading.Barrier(len(clients))

        def contend(number: int, seen=seen, won=won, gate=gate) -> None:
            gate.wait()
            owner = Owner(f"t{number}", f"r-{number}")
            step = change.acquire(None, owner) if seen.cell is None else change.take_over(seen.cell, owner)
            try:
                clients[number].cells.swap(seen, step)
                won.append(number)
            except CellConflictError:
                pass

        threads = [threading.Thread(target=contend, args=(n,)) for n in range(len(clients))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        now = clients[-1].cells.read([id_])[id_].cell
        assert len(won) == 1
        assert now is not None
        assert (now.epoch, now.owner) == (taken + 1, Owner(f"t{won[0]}", f"r-{won[0]}"))


def test_a_store_that_ignores_conditions_is_not_shared(s3: S3Server, tmp_path: Path) -> None:
    s3.faults.add(Rule(IgnoreConditions()))

    with pytest.raises(HostError) as error:
        opened(tmp_path)
    assert error.value.code == "no-conditions"
    assert "team/store.json" not in s3.buckets.keys(BUCKET)


def test_a_role_that_may_only_read_sees_results_and_is_told_what_it_may_not(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = target_id(b"one")
    mine = opened(tmp_path / "a")
    held(mine, id_)
    s3.allow(Access({"reader": "secret"}, (Right("reader", (Verb.READ, Verb.LIST), "team/"),)))
    for name, value in s3.environ("reader").items():
        monkeypatch.setenv(name, value)
    reader = opened(tmp_path / "b")
    seen = reader.cells.read([id_])[id_]

    assert seen.cell is not None
    with pytest.raises(HostError) as error:
        reader.cells.swap(seen, change.release(seen.cell))
    assert error.value.hint
    assert reader.cells.read([id_])[id_] == seen


def test_an_eviction_makes_every_client_look_again(tmp_path: Path) -> None:
    id_ = target_id(b"one")
    maker, reader = opened(tmp_path / "a"), opened(tmp_path / "b")
    seen = held(maker, id_)
    assert seen.cell is not None
    publishing = maker.cells.swap(seen, change.publish(seen.cell, Owner("t" * 32, "run-a")))
    assert publishing.cell is not None
    result = Result(ArtifactDigest("1" * 64), ContentDigest("1" * 64), ContentDigest("2" * 64), "default/data/x")
    done = maker.cells.swap(publishing, change.commit(publishing.cell, result))
    reader.cells.read([id_])
    known = set(opened(tmp_path / "b").cells.remembered([id_]))
    assert done.cell is not None
    maker.cells.swap(done, change.evict(done.cell, FreeReason.EVICTED))

    assert known == {id_}
    assert opened(tmp_path / "b").cells.remembered([id_]) == {}
