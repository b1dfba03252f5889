"""Heartbeats: what is held is beaten, what is lost is told, and nothing else is touched."""

from __future__ import annotations

from traintrack.action.cell import Owner, Result
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.errors import HostError
from traintrack.execute import lease as leases
from traintrack.execute.heartbeats import BeatingCells, BeatingStorage, beating
from traintrack.ports.storage import Seen
from traintrack.testing.memory_storage import MemoryCells, MemoryStorage

ID = TargetId("a" * 64)
ME, OTHER = Owner("me", "r-1"), Owner("other", "r-2")
RESULT = Result(ArtifactDigest("b" * 64), ContentDigest("c" * 64), ContentDigest("d" * 64))


def look(cells: MemoryCells | BeatingCells) -> Seen:
    return cells.read([ID])[ID]


def held() -> tuple[MemoryCells, BeatingCells, leases.Lease, list[TargetId]]:
    lost: list[TargetId] = []
    inner = MemoryCells()
    cells = BeatingCells(inner, lost.append)
    return inner, cells, leases.acquire(cells, look(cells), ME, ()), lost


def test_a_held_cell_is_written_anew_at_each_beat() -> None:
    inner, cells, lease, lost = held()

    cells.beat()
    cells.beat()

    now = look(inner).cell
    assert now is not None
    assert (now.seq, now.owner, now.epoch) == (lease.cell.seq + 2, ME, lease.cell.epoch)
    assert lost == []


def test_a_beat_between_publishing_and_commit_costs_nothing() -> None:
    inner, cells, lease, _ = held()
    lease = leases.start_publishing(cells, lease)
    cells.beat()

    leases.commit(cells, lease, RESULT)

    assert look(inner).cell.result == RESULT  # type: ignore[union-attr]


def test_what_was_let_go_is_beaten_no_longer() -> None:
    inner, cells, lease, lost = held()
    leases.release(cells, lease)
    before = look(inner).version

    cells.beat()

    assert look(inner).version == before
    assert lost == []


def test_a_cell_in_other_hands_is_told_once_and_left_alone() -> None:
    inner, cells, _, lost = held()
    leases.take_over(inner, look(inner), OTHER)
    before = look(inner).version

    cells.beat()
    cells.beat()

    assert lost == [ID]
    assert look(inner).version == before


def test_a_storage_that_cannot_be_reached_does_not_end_the_beating() -> None:
    inner, cells, lease, _ = held()
    swap, inner.swap = inner.swap, _unreachable  # type: ignore[method-assign]

    cells.beat()
    inner.swap = swap  # type: ignore[method-assign]
    cells.beat()

    assert look(inner).cell.seq == lease.cell.seq + 1  # type: ignore[union-attr]


def test_a_storage_that_knows_who_lives_is_used_as_it_is() -> None:
    storage = MemoryStorage()

    assert beating(storage, lambda _: None) == (storage, None)


def test_a_storage_that_does_not_is_beaten() -> None:
    storage = MemoryStorage()
    storage.cells.heartbeat_s = 10.0

    wrapped, beats = beating(storage, lambda _: None)

    assert isinstance(wrapped, BeatingStorage)
    assert beats is not None
    assert wrapped.kept is storage.kept


def _unreachable(seen: Seen, cell: object) -> Seen:
    raise HostError("no network", hint="wait")


def test_what_an_attempt_has_said_is_not_said_of_the_next_one() -> None:
    inner, cells, lease, _ = held()
    lease = leases.note_job(cells, lease, "attempt 1")
    cells.tell(ID, "epoch 3")
    leases.note_job(cells, lease, "attempt 2")
    cells.beat()

    assert look(inner).cell.progress == ""  # type: ignore[union-attr]


def test_the_next_beat_says_how_far_the_task_is_and_a_new_phase_says_it_no_more() -> None:
    inner, cells, lease, _ = held()
    lease = leases.note_job(cells, lease, "job")
    cells.tell(ID, "epoch 3")
    before = look(inner).cell
    cells.beat()
    told = look(inner).cell
    lease = leases.start_publishing(cells, lease)
    cells.beat()
    after = look(inner).cell

    assert [cell.progress for cell in (before, told, after) if cell is not None] == ["", "epoch 3", ""]


def test_a_cell_that_was_given_up_is_beaten_for_no_more() -> None:
    inner, cells, _, lost = held()
    before = look(inner).version

    cells.drop(ID)
    cells.beat()

    assert look(inner).version == before
    assert lost == []
