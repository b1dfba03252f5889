"""Leases: who holds, who lost, and what a lost answer means."""

from __future__ import annotations

import pytest

from traintrack.action.cell import CellState, Failure, FreeReason, Owner, Result, new_nonce
from traintrack.action.cell import publish as publish_change
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.execute import lease as leases
from traintrack.execute.lease import SupersededError
from traintrack.ports.storage import CellConflictError, Seen
from traintrack.testing.memory_storage import MemoryCells

ID = TargetId("a" * 64)
ME, OTHER = Owner("me", "r-1"), Owner("other", "r-2")
RESULT = Result(ArtifactDigest("b" * 64), ContentDigest("c" * 64), ContentDigest("d" * 64))


def look(cells: MemoryCells) -> Seen:
    return cells.read([ID])[ID]


def test_of_two_who_saw_the_same_cell_one_gets_it() -> None:
    cells = MemoryCells()
    seen = look(cells)
    leases.acquire(cells, seen, ME, ())

    with pytest.raises(SupersededError) as lost:
        leases.acquire(cells, seen, OTHER, ())

    assert lost.value.seen.cell is not None
    assert lost.value.seen.cell.owner == ME


def test_a_result_stands_only_after_publishing_was_announced() -> None:
    cells = MemoryCells()
    held = leases.acquire(cells, look(cells), ME, ())

    held = leases.start_publishing(cells, held)
    done = leases.commit(cells, held, RESULT)

    assert done.cell is not None
    assert (done.cell.state, done.cell.result) == (CellState.DONE, RESULT)


def test_who_was_superseded_cannot_commit() -> None:
    cells = MemoryCells()
    mine = leases.start_publishing(cells, leases.acquire(cells, look(cells), ME, ()))
    leases.take_over(cells, look(cells), OTHER)

    with pytest.raises(SupersededError):
        leases.commit(cells, mine, RESULT)

    assert look(cells).cell.owner == OTHER  # type: ignore[union-attr]


def test_who_was_superseded_but_has_finished_takes_the_cell_back_from_one_who_only_runs() -> None:
    cells = MemoryCells()
    mine = leases.acquire(cells, look(cells), ME, ())
    theirs = leases.take_over(cells, look(cells), OTHER)
    leases.note_job(cells, theirs, "job")

    mine = leases.start_publishing(cells, mine)
    leases.commit(cells, mine, RESULT)

    assert look(cells).cell.result == RESULT  # type: ignore[union-attr]


def test_nobody_takes_a_cell_back_from_one_who_publishes() -> None:
    cells = MemoryCells()
    mine = leases.acquire(cells, look(cells), ME, ())
    leases.start_publishing(cells, leases.take_over(cells, look(cells), OTHER))

    with pytest.raises(SupersededError):
        leases.start_publishing(cells, mine)


def test_a_write_whose_answer_was_lost_is_read_and_counts() -> None:
    class LosesAnswers(MemoryCells):
        def swap(self, seen: Seen, cell: object) -> Seen:
            now = super().swap(seen, cell)  # type: ignore[arg-type]
            raise CellConflictError(now)

    cells = LosesAnswers()

    held = leases.acquire(cells, look(cells), ME, ())

    assert held.cell.owner == ME


def test_my_own_heartbeat_in_between_does_not_cost_me_the_cell() -> None:
    cells = MemoryCells()
    mine = leases.acquire(cells, look(cells), ME, ())
    cells.swap(look(cells), publish_change(mine.cell, ME))

    again = leases.start_publishing(cells, mine)

    assert again.cell.owner == ME


def test_a_failure_frees_the_cell_and_is_shared_by_flight() -> None:
    cells = MemoryCells()
    mine = leases.acquire(cells, look(cells), ME, ())

    leases.fail(cells, mine, Failure(mine.cell.flight, "task", "exit 3"), None, "epoch-3")

    cell = look(cells).cell
    assert cell is not None
    assert (cell.state, cell.free, cell.checkpoint) == (CellState.FREE, FreeReason.FAILED, "epoch-3")
    assert cell.last_failure is not None
    assert cell.last_failure.flight == mine.cell.flight


def test_letting_go_of_a_cell_that_is_anothers_changes_nothing() -> None:
    cells = MemoryCells()
    mine = leases.acquire(cells, look(cells), ME, ())
    leases.take_over(cells, look(cells), OTHER)

    leases.release(cells, mine)

    assert look(cells).cell.owner == OTHER  # type: ignore[union-attr]


def test_evicting_takes_away_only_the_result_that_was_seen() -> None:
    cells = MemoryCells()
    leases.commit(cells, leases.start_publishing(cells, leases.acquire(cells, look(cells), ME, ())), RESULT)
    seen = look(cells)

    freed = leases.evict(cells, seen, FreeReason.CORRUPT)
    again = leases.evict(cells, seen, FreeReason.CORRUPT)

    assert freed.cell is not None
    assert (freed.cell.state, freed.cell.free) == (CellState.FREE, FreeReason.CORRUPT)
    assert freed.cell.previous_record == RESULT.record
    assert again.version == freed.version


def test_no_two_writes_of_a_cell_are_equal() -> None:
    assert len({new_nonce() for _ in range(100)}) == 100
