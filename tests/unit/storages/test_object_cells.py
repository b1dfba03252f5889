"""Cells over an object store: what each unclear answer leads to."""

from __future__ import annotations

import pytest

from traintrack.action import cell as change
from traintrack.action.cell import Owner
from traintrack.digest import target_id
from traintrack.errors import HostError
from traintrack.ports.objects import Etag, UnknownOutcomeError
from traintrack.ports.storage import CellConflictError
from traintrack.storages.objects.cells import ObjectCells
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.rounds import Rounds
from traintrack.testing.memory_objects import MemoryObjects

ID = target_id(b"one")
ME, OTHER = Owner("me", "r-1"), Owner("other", "r-2")


class Pace:
    """Time that passes only in pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def spread(self) -> float:
        return 1.0


class Unclear(MemoryObjects):
    """Gives unclear answers to the next writes: `effect` says if they take effect."""

    def __init__(self, times: int, *, effect: bool) -> None:
        super().__init__()
        self.times, self.effect = times, effect

    def put_if_absent(self, key: str, data: bytes) -> Etag:
        if self.times == 0:
            return super().put_if_absent(key, data)
        self.times -= 1
        if self.effect:
            super().put_if_absent(key, data)
        raise UnknownOutcomeError("503")


def cells(objects: MemoryObjects, pace: Pace | None = None) -> ObjectCells:
    return ObjectCells(objects, Keys(), pace or Pace())


def test_a_write_whose_answer_was_lost_is_known_by_its_nonce() -> None:
    store = cells(Unclear(1, effect=True))
    wanted = change.acquire(None, ME)

    held = store.swap(store.read([ID])[ID], wanted)

    assert held.cell == wanted
    assert store.read([ID])[ID].version == held.version


def test_a_write_that_had_no_effect_is_sent_again() -> None:
    objects, pace = Unclear(3, effect=False), Pace()
    store = cells(objects, pace)

    held = store.swap(store.read([ID])[ID], change.acquire(None, ME))

    assert held.cell is not None
    assert objects.times == 0
    assert 0 < pace.now < 5


def test_a_store_that_never_answers_is_given_up_with_a_hint() -> None:
    pace = Pace()
    store = cells(Unclear(10**6, effect=False), pace)

    with pytest.raises(HostError) as error:
        store.swap(store.read([ID])[ID], change.acquire(None, ME))

    assert error.value.hint
    assert 30 <= pace.now <= 40


def test_a_stranger_that_was_first_is_told_as_it_stands() -> None:
    store = cells(MemoryObjects())
    absent = store.read([ID])[ID]
    theirs = store.swap(absent, change.acquire(None, OTHER))

    with pytest.raises(CellConflictError) as conflict:
        store.swap(absent, change.acquire(None, ME))

    assert conflict.value.seen == theirs


def test_many_cells_are_read_at_once() -> None:
    store = cells(MemoryObjects())
    ids = [target_id(str(n).encode()) for n in range(40)]
    store.swap(store.read([ids[7]])[ids[7]], change.acquire(None, ME))

    found = store.read(ids)

    assert [i for i in ids if found[i].cell is not None] == [ids[7]]


def test_a_store_without_its_round_publishes_nothing() -> None:
    with pytest.raises(HostError, match="has lost"):
        Rounds(MemoryObjects(), Keys(), Pace()).current()
