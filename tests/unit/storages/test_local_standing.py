"""What the short look at a store says is what the store says, or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from traintrack.action.cell import (
    CELL_FORMAT,
    Cell,
    CellState,
    FreeReason,
    Owner,
    Result,
    acquire,
    commit,
    evict,
    publish,
)
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.storages.local import standing
from traintrack.storages.local.places import Places
from traintrack.storages.local.standing import all_stand, artifact_folder, shard_marks, store_mark
from traintrack.storages.local.store import LocalStorage, open_local

ID = TargetId("ab" * 32)
ARTIFACT = ArtifactDigest("cd" * 32)
LATER_NS = 1 << 62


@pytest.fixture
def store(tmp_path: Path) -> LocalStorage:
    return open_local(tmp_path / "store")


def make(store: LocalStorage, id_: TargetId = ID) -> None:
    [seen] = store.cells.read([id_]).values()
    held = store.cells.swap(seen, acquire(seen.cell, Owner("t", "r")))
    publishing = store.cells.swap(held, publish(held.cell, Owner("t", "r")))
    result = Result(ARTIFACT, ContentDigest(ARTIFACT), ContentDigest("e" * 64))
    store.cells.swap(publishing, commit(publishing.cell, result))


def cell_path(store: LocalStorage) -> Path:
    return Path(Places(store.name, "default").cell(ID))


def test_a_cell_that_is_done_stands_and_an_absent_one_does_not(store: LocalStorage) -> None:
    make(store)

    assert all_stand(store.name, [ID])
    assert not all_stand(store.name, [ID, TargetId("f" * 64)])


def test_a_cell_in_any_other_state_does_not_stand(store: LocalStorage) -> None:
    [seen] = store.cells.read([ID]).values()
    seen = store.cells.swap(seen, acquire(None, Owner("t", "r")))
    assert not all_stand(store.name, [ID])

    store.cells.swap(seen, publish(seen.cell, Owner("t", "r")))
    assert not all_stand(store.name, [ID])


def test_an_evicted_result_is_seen_at_once(store: LocalStorage) -> None:
    make(store)
    [seen] = store.cells.read([ID]).values()

    store.cells.swap(seen, evict(seen.cell, FreeReason.EVICTED))

    assert not all_stand(store.name, [ID])


@pytest.mark.parametrize("place", range(0, 400, 37))
def test_a_damaged_cell_does_not_stand(store: LocalStorage, place: int) -> None:
    make(store)
    path = cell_path(store)
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)

    assert not all_stand(store.name, [ID])


def test_the_cell_of_another_id_does_not_stand(store: LocalStorage) -> None:
    make(store)
    other = cell_path(store).with_name("ab" + "0" * 62)
    other.write_bytes(cell_path(store).read_bytes())

    assert not all_stand(store.name, [TargetId(other.name)])


def test_the_artifact_is_named_only_while_it_is_there(store: LocalStorage) -> None:
    make(store)
    assert artifact_folder(store.name, ID) is None

    folder = Path(Places(store.name, "default").artifact(ARTIFACT))
    folder.mkdir(parents=True)

    assert artifact_folder(store.name, ID) == str(folder)


def test_a_shard_that_changed_a_moment_ago_gets_no_mark(store: LocalStorage) -> None:
    make(store)

    assert shard_marks(store.name, ["ab"]) == {}
    assert set(shard_marks(store.name, ["ab", "cd"], LATER_NS)) == {"ab"}


def test_every_write_of_a_cell_moves_the_mark_of_its_shard(store: LocalStorage) -> None:
    make(store)
    # As long as the clock of the file system stands still, marks do too: which is why fresh ones are not kept.
    for _ in range(10_000):
        before = shard_marks(store.name, ["ab"], LATER_NS)
        there = os.stat(cell_path(store).parent)
        probe = cell_path(store).parent / "probe"
        probe.touch()
        if os.stat(probe).st_ctime_ns > there.st_ctime_ns:
            probe.unlink()
            break
        probe.unlink()
    [seen] = store.cells.read([ID]).values()
    store.cells.swap(seen, evict(seen.cell, FreeReason.CORRUPT))

    assert shard_marks(store.name, ["ab"], LATER_NS) != before


def test_another_store_at_the_same_path_has_another_mark(tmp_path: Path) -> None:
    assert store_mark(str(tmp_path / "store")) is None
    store = open_local(tmp_path / "store")
    mark = store_mark(store.name)
    os.rename(store.name, tmp_path / "old")
    open_local(tmp_path / "store")

    assert mark is not None
    assert store_mark(store.name) not in (None, mark)


def test_it_knows_the_words_of_the_store() -> None:
    assert CELL_FORMAT.encode() in standing._FORMAT
    assert next(iter(Cell.__struct_fields__)) == "state"
    assert standing._DONE.decode() == f'{{"state":"{CellState.DONE.value}",'
