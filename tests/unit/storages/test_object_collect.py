"""The collector of a bucket as its callers see it; its steps are proved in tests/protocol."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from bucket import Pace
from collect_race import ALL, id_of, publish, race
from test_object_storage import no_probe

from traintrack.action.cell import CellState, FreeReason, Owner, acquire, new_nonce
from traintrack.action.job import Output
from traintrack.errors import GateError, IntegrityError
from traintrack.execute import lease as leases
from traintrack.ports.collect import Document, DocumentConflictError, Terms
from traintrack.ports.storage import Seen
from traintrack.storages.cache.cache import open_cache
from traintrack.storages.objects.documents import ObjectDocuments
from traintrack.storages.objects.store import ObjectStorage, Opening, open_objects
from traintrack.testing.memory_objects import MemoryObjects


def opened(bucket: MemoryObjects, home: Path, pace: Pace | None = None) -> ObjectStorage:
    return open_objects(bucket, open_cache(home / "store"), Opening(home / "notes"), no_probe, pace)


@pytest.fixture
def bucket() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def store(bucket: MemoryObjects, tmp_path: Path) -> ObjectStorage:
    return opened(bucket, tmp_path)


def made(store: ObjectStorage, name: str, text: str) -> Seen:
    with store.present(f"r-{name}-{new_nonce()[:6]}") as owner:
        return publish(store, id_of(name), Owner(new_nonce(), owner.run), text)


def data_keys(bucket: MemoryObjects) -> set[str]:
    return {key for key in bucket.objects if key.startswith("default/data/")}


def test_what_was_chosen_is_freed_and_its_bytes_go_with_the_next_round(
    store: ObjectStorage, bucket: MemoryObjects, tmp_path: Path
) -> None:
    old, new = made(store, "old", "old bytes"), made(store, "new", "new bytes")

    first = store.collecting.collect([old], ALL)
    between = len(data_keys(bucket))
    loose = store.collecting.loose()
    second = store.collecting.collect([], ALL)

    assert (loose.count, loose.size_bytes) == (2, second.freed_bytes)
    assert (first.evicted, first.removed) == ((old.id,), 0)
    assert between == 4
    assert second.removed == 2
    assert second.freed_bytes >= len("old bytes")
    cell = store.cells.read([old.id])[old.id].cell
    assert (cell.state, cell.free, cell.note) == (CellState.FREE, FreeReason.EVICTED, ALL.note)
    assert opened(bucket, tmp_path / "elsewhere").artifacts.fetch(new.cell.result) is None


def test_whoever_remembers_cells_is_told_that_some_were_evicted(store: ObjectStorage) -> None:
    old = made(store, "old", "old bytes")
    before = store.evictions.word()

    store.collecting.collect([old], ALL)

    assert store.evictions.word() != before


def test_bytes_of_who_was_killed_before_the_commit_are_counted_and_go(
    store: ObjectStorage, bucket: MemoryObjects
) -> None:
    with store.present("r-lost") as owner:
        lease = leases.acquire(store.cells, store.cells.read([id_of("lost")])[id_of("lost")], owner, ())
        lease = leases.start_publishing(store.cells, lease)
        stage = store.staging.new_stage("lost")
        (stage / "out.txt").write_text("nobody names me")
        store.artifacts.publish(Output(str(stage), store.staging.scan(stage)))
        leases.release(store.cells, lease)

    loose = store.collecting.loose()
    done = store.collecting.collect([], ALL)

    assert (loose.count, loose.size_bytes) == (2, done.freed_bytes)
    assert data_keys(bucket) == set()


def test_what_a_holder_reads_stays(store: ObjectStorage) -> None:
    read = made(store, "read", "bytes")
    [seen] = store.cells.read([id_of("reader")]).values()
    store.cells.swap(seen, acquire(None, Owner("t", "r-reader"), (read.cell.result.artifact,)))

    done = store.collecting.collect([read], ALL)

    assert (done.evicted, done.spared) == ((), (read.id,))


def test_more_than_the_share_is_refused_and_the_next_collector_begins_at_once(store: ObjectStorage) -> None:
    cells = [made(store, str(n), f"bytes {n}") for n in range(4)]

    with pytest.raises(GateError, match="3 of 4 results"):
        store.collecting.collect(cells[:3], Terms(most_share=0.5, grace_s=0.0))

    assert all(store.cells.read([seen.id])[seen.id].version == seen.version for seen in cells)
    began = time.monotonic()
    assert store.collecting.collect(cells[:1], ALL).evicted == (cells[0].id,)
    assert time.monotonic() - began < 5


def test_an_empty_mark_does_not_empty_the_bucket(store: ObjectStorage, bucket: MemoryObjects) -> None:
    """Should all cells be lost, by a person or a rule of the bucket, the bytes are still there."""
    made(store, "a", "bytes")
    for key in [key for key in bucket.objects if "/cell/" in key and not key.endswith("gc/cell")]:
        del bucket.objects[key]

    with pytest.raises(GateError, match="2 of 2 objects"):
        store.collecting.collect([], Terms(grace_s=0.0))

    assert len(data_keys(bucket)) == 2


def test_young_objects_are_spared_by_the_time_of_the_store(store: ObjectStorage, bucket: MemoryObjects) -> None:
    old = made(store, "old", "old bytes")
    store.collecting.collect([old], ALL)

    spared = store.collecting.collect([], Terms(most_share=1.0, grace_s=86_400.0))

    assert (spared.removed, len(data_keys(bucket))) == (0, 2)


def test_a_damaged_layout_ends_it_before_anything_goes(store: ObjectStorage, bucket: MemoryObjects) -> None:
    old, broken = made(store, "old", "old"), made(store, "broken", "broken")
    store.collecting.collect([old], ALL)
    bucket.objects[broken.cell.result.layout] = b"{}"

    with pytest.raises(IntegrityError, match="other bytes"):
        store.collecting.collect([], ALL)

    assert len(data_keys(bucket)) == 4


def test_documents_are_changed_by_compare_and_swap(store: ObjectStorage) -> None:
    documents = store.documents
    documents.swap("roots/a", None, b"one")
    first = documents.read("roots/a")

    documents.swap("roots/a", first, b"two")
    with pytest.raises(DocumentConflictError):
        documents.swap("roots/a", first, b"three")
    with pytest.raises(DocumentConflictError):
        documents.swap("roots/a", None, b"three")
    documents.write("use/b", b"x")

    assert documents.read("roots/a").data == b"two"
    assert (list(documents.names("roots")), list(documents.names("use"))) == (["roots/a"], ["use/b"])
    assert isinstance(documents, ObjectDocuments)
    assert isinstance(first, Document)


def test_eight_writers_and_a_collector_leave_no_result_without_its_bytes(bucket: MemoryObjects, tmp_path: Path) -> None:
    race(lambda name: opened(bucket, tmp_path / name), seconds=5)

    assert data_keys(bucket) == set()


def test_what_killed_runs_left_beside_the_cells_goes_when_it_is_old(
    store: ObjectStorage, bucket: MemoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = ["live/f.1/0", "handover/f/1/abc", f"default/want/{id_of('x')}/r-1"]
    for key in left:
        bucket.put(key, b"left")
    for number in range(100):
        bucket.put("log/other", b"%d" % number)
    bucket.put("live/g.1/0", b"fresh")
    monkeypatch.setattr("traintrack.storages.objects.collect.LEAVINGS_STAY_S", 50.0)

    done = store.collecting.collect([], ALL)

    assert (done.removed, done.freed_bytes) == (3, 12)
    assert [key for key in (*left, "live/g.1/0", "log/other") if key in bucket.objects] == ["live/g.1/0", "log/other"]
