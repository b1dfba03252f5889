"""What a machine remembers of DONE cells: how long it is believed, and what it spares."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from bucket import Noting, Pace, notes

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, FreeReason, Owner, Result
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId, target_id
from traintrack.ports.storage import RemembersDone, Seen
from traintrack.storages.objects.cells import ObjectCells
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.known_cells import Evictions, KnownCells

ID, OTHER = target_id(b"one"), target_id(b"two")
ME = Owner("me", "r-1")
KEYS = Keys()


def a_result(number: int = 1) -> Result:
    return Result(
        ArtifactDigest(f"{number:064x}"), ContentDigest(f"{number:064x}"), ContentDigest("2" * 64), "default/data/x"
    )


def opened(bucket: Noting, home: Path) -> ObjectCells:
    pace = Pace()
    evictions = Evictions(bucket, KEYS, pace)
    word = evictions.word()
    if word is None:
        evictions.write()
        word = evictions.word()
    assert word is not None
    return ObjectCells(bucket, KEYS, pace, known=KnownCells(notes(home), "default", word), evictions=evictions)


def make_done(cells: ObjectCells, id_: TargetId, number: int = 1) -> Seen:
    seen = cells.read([id_])[id_]
    held = cells.swap(seen, change.acquire(seen.cell, ME))
    assert held.cell is not None
    publishing = cells.swap(held, change.publish(held.cell, ME))
    assert publishing.cell is not None
    return cells.swap(publishing, change.commit(publishing.cell, a_result(number)))


def evict(cells: ObjectCells, id_: TargetId) -> None:
    seen = cells.read([id_])[id_]
    assert seen.cell is not None
    cells.swap(seen, change.evict(seen.cell, FreeReason.EVICTED))


def test_cells_that_were_read_or_made_are_known_to_the_next_process_as_they_were(tmp_path: Path) -> None:
    bucket = Noting()
    made = make_done(opened(bucket, tmp_path / "a"), ID)
    opened(bucket, tmp_path / "b").read([ID, OTHER])
    bucket.taken()

    for home in ("a", "b"):
        cells = opened(bucket, tmp_path / home)
        assert isinstance(cells, RemembersDone)
        assert cells.remembered([ID, OTHER]) == {ID: made}
    assert bucket.taken() == ["get default/gc/evicted"] * 2


def test_ten_thousand_known_cells_cost_one_request_and_little_time(tmp_path: Path) -> None:
    bucket = Noting()
    ids = [target_id(str(n).encode()) for n in range(10_000)]
    for number, id_ in enumerate(ids):
        cell = Cell(CellState.DONE, 1, f"n{number}", result=a_result(number))
        bucket.objects[KEYS.cell(id_)] = change.encode_cell(cell)
    read = opened(bucket, tmp_path).read(ids)
    bucket.taken()

    began = time.process_time()
    known = opened(bucket, tmp_path).remembered(ids)

    assert time.process_time() - began < 3.0
    assert known == read
    assert len(bucket.taken()) == 1


def test_after_an_eviction_by_another_nothing_that_was_read_before_is_believed(tmp_path: Path) -> None:
    bucket = Noting()
    mine, other = opened(bucket, tmp_path / "mine"), opened(bucket, tmp_path / "other")
    make_done(mine, ID)
    make_done(mine, OTHER)
    evict(other, ID)

    assert opened(bucket, tmp_path / "mine").remembered([ID, OTHER]) == {}


def test_a_cell_read_while_it_is_being_evicted_is_not_believed_afterwards(tmp_path: Path) -> None:
    bucket = Noting()
    make_done(opened(bucket, tmp_path / "maker"), ID)
    evictions = Evictions(bucket, KEYS, Pace())
    with evictions.going_on():
        opened(bucket, tmp_path / "reader").read([ID])
        during = opened(bucket, tmp_path / "reader").remembered([ID])
        evict(ObjectCells(bucket, KEYS, Pace()), ID)

    assert set(during) == {ID}
    assert opened(bucket, tmp_path / "reader").remembered([ID]) == {}


def test_the_word_is_new_before_the_cell_is_free(tmp_path: Path) -> None:
    bucket = Noting()
    cells = opened(bucket, tmp_path)
    make_done(cells, ID)
    bucket.taken()

    evict(cells, ID)

    cell = KEYS.cell(ID)
    assert bucket.taken() == [f"get {cell}", "put default/gc/evicted", f"replace {cell}", "put default/gc/evicted"]


def test_many_evictions_at_once_write_the_word_twice(tmp_path: Path) -> None:
    bucket = Noting()
    cells = opened(bucket, tmp_path)
    evictions = Evictions(bucket, KEYS, Pace())
    many = ObjectCells(bucket, KEYS, Pace(), evictions=evictions)
    ids = [target_id(str(n).encode()) for n in range(20)]
    for number, id_ in enumerate(ids):
        make_done(cells, id_, number)
    bucket.taken()
    with evictions.going_on():
        for id_ in ids:
            evict(many, id_)

    assert bucket.taken().count("put default/gc/evicted") == 2


def test_what_this_process_took_away_itself_is_not_known_any_more(tmp_path: Path) -> None:
    cells = opened(Noting(), tmp_path)
    make_done(cells, ID)
    evict(cells, ID)

    assert cells.remembered([ID]) == {}


def test_a_wrong_belief_is_corrected_by_the_next_reading(tmp_path: Path) -> None:
    bucket = Noting()
    cells = opened(bucket, tmp_path)
    make_done(cells, ID)
    del bucket.objects[KEYS.cell(ID)]
    believed = set(cells.remembered([ID]))
    cells.read([ID])

    assert believed == {ID}
    assert cells.remembered([ID]) == {}
    assert opened(bucket, tmp_path).remembered([ID]) == {}


def test_a_cell_that_is_free_is_not_believed_though_the_notes_could_not_be_changed(tmp_path: Path) -> None:
    bucket = Noting()
    cells = opened(bucket, tmp_path)
    make_done(cells, ID)
    with closing(sqlite3.connect(tmp_path / "notes.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        evict(ObjectCells(bucket, KEYS, Pace()), ID)
        cells.read([ID])

    assert cells.remembered([ID]) == {}


def test_a_process_that_began_under_an_older_word_believes_nothing_that_was_noted_since(tmp_path: Path) -> None:
    older, newer = KnownCells(notes(tmp_path), "default", "w"), KnownCells(notes(tmp_path), "default", "x")
    seen = Seen(ID, Cell(CellState.DONE, 1, "n", result=a_result()), "e")
    older.learn([seen])
    newer_found = newer.find([ID])
    newer.learn([seen])

    assert newer_found == {}
    assert set(newer.find([ID])) == {ID}
    assert older.find([ID]) == {}


@pytest.mark.parametrize("damage", [b"", b"not a database" * 100, None])
def test_notes_that_are_damaged_or_away_are_as_good_as_none(tmp_path: Path, damage: bytes | None) -> None:
    bucket = Noting()
    make_done(opened(bucket, tmp_path), ID)
    for file in tmp_path.iterdir():
        if damage is None or not file.name.endswith("sqlite"):
            file.unlink()
        else:
            file.write_bytes(damage)

    cells = opened(bucket, tmp_path)
    assert cells.remembered([ID]) == {}
    cells.read([ID])
    assert set(opened(bucket, tmp_path).remembered([ID])) == {ID}


def test_namespaces_of_one_store_do_not_mix(tmp_path: Path) -> None:
    notebook = notes(tmp_path)
    default, mine = KnownCells(notebook, "default", "w"), KnownCells(notebook, "dev/ann", "w")
    default.learn([Seen(ID, Cell(CellState.DONE, 1, "n", result=a_result()), "e")])

    assert set(default.find([ID])) == {ID}
    assert mine.find([ID]) == {}
    KnownCells(notebook, "dev/ann", "x")
    assert set(default.find([ID])) == {ID}


def test_a_store_that_was_made_anew_at_the_same_address_is_a_stranger(tmp_path: Path) -> None:
    notebook = notes(tmp_path)
    notebook.begin_store(b"first")
    known = KnownCells(notebook, "default", "w")
    known.learn([Seen(ID, Cell(CellState.DONE, 1, "n", result=a_result()), "e")])
    notebook.note_stored("kept/a")
    notebook.begin_store(b"first")
    kept_on = (set(known.find([ID])), notebook.is_stored("kept/a"))
    notebook.begin_store(b"second")

    assert kept_on == ({ID}, True)
    assert (known.find([ID]), notebook.is_stored("kept/a")) == ({}, False)
