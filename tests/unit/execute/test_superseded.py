"""What a run does when it loses a cell that it holds."""

from __future__ import annotations

import threading

from test_run import LIMIT_S, World, _until, outcomes

from traintrack.action.cell import CellState, FreeReason, Owner, Result
from traintrack.action.cell import fence as fence_change
from traintrack.action.cell import forget as forget_change
from traintrack.action.cell import publish as publish_change
from traintrack.action.cell import release as release_change
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.execute import lease as leases
from traintrack.execute.settings import RunResult
from traintrack.ports.storage import Seen
from traintrack.testing.builders import build_action, build_graph
from traintrack.testing.fake_runner import Played
from traintrack.testing.memory_storage import MemoryCells

ID = TargetId("a" * 64)
ME, OTHER = Owner("me", "r-1"), Owner("other", "r-2")
RESULT = Result(ArtifactDigest("b" * 64), ContentDigest("c" * 64), ContentDigest("d" * 64), "data/x.0")


def look(cells: MemoryCells) -> Seen:
    return cells.read([ID])[ID]


def publishing(cells: MemoryCells) -> leases.Lease:
    return leases.start_publishing(cells, leases.acquire(cells, look(cells), ME, ()))


def test_who_was_fenced_cannot_commit_under_the_old_hold_but_publishes_again() -> None:
    cells = MemoryCells()
    mine = publishing(cells)
    cells.swap(look(cells), fence_change(mine.cell))

    again = leases.start_publishing(cells, mine)
    try:
        leases.commit(cells, mine, RESULT)
        committed = True
    except leases.SupersededError:
        committed = False
    leases.commit(cells, again, RESULT)

    assert not committed
    assert again.cell.epoch == mine.cell.epoch + 1
    assert look(cells).cell.state is CellState.DONE  # type: ignore[union-attr]


def test_who_has_finished_publishes_though_the_one_who_took_over_has_let_go() -> None:
    cells = MemoryCells()
    mine = leases.acquire(cells, look(cells), ME, ())
    theirs = leases.take_over(cells, look(cells), OTHER)
    cells.swap(look(cells), release_change(theirs.cell))

    leases.commit(cells, leases.start_publishing(cells, mine), RESULT)

    assert look(cells).cell.result == RESULT  # type: ignore[union-attr]


def test_a_result_that_was_taken_away_is_not_put_back_by_a_latecomer() -> None:
    cells = MemoryCells()
    late = leases.acquire(cells, look(cells), ME, ())
    theirs = leases.start_publishing(cells, leases.take_over(cells, look(cells), OTHER))
    leases.evict(cells, leases.commit(cells, theirs, RESULT), FreeReason.SUPERSEDED)

    try:
        leases.start_publishing(cells, late)
        published = True
    except leases.SupersededError:
        published = False

    assert not published


def test_what_a_cell_named_is_forgotten_only_when_asked() -> None:
    cells = MemoryCells()
    freed = leases.evict(cells, leases.commit(cells, publishing(cells), RESULT), FreeReason.EVICTED)
    assert freed.cell is not None

    forgotten = forget_change(freed.cell)

    assert freed.cell.was == ("data/x.0",)
    assert (forgotten.was, forgotten.state) == ((), CellState.FREE)
    assert publish_change(publishing(MemoryCells()).cell, ME).epoch == 1


def test_a_run_whose_cell_was_taken_over_stops_its_job_and_takes_the_others_result() -> None:
    gate, results = threading.Event(), list[RunResult]()
    world = World(lambda job: Played(b"x", hold=gate))
    cells = world.storage.cells
    cells.heartbeat_s = 0.02
    graph = build_graph([build_action("slow")])
    id_ = graph.requested[0]
    thread = threading.Thread(target=lambda: results.append(world.run(graph)), daemon=True)
    thread.start()
    _until(lambda: _beats(cells, id_) > 2)
    cells.present("r-2")
    theirs = _taken(cells, id_)
    _until(lambda: bool(world.runner.stopped))

    leases.commit(cells, leases.start_publishing(cells, theirs), RESULT)
    thread.join(LIMIT_S)

    assert outcomes(graph, results[0])["//:slow"] in ("shared", "reused")
    assert world.runner.executions["//:slow"] == 1
    assert results[0].results[id_] == RESULT


def _beats(cells: MemoryCells, id_: TargetId) -> int:
    cell = cells.read([id_])[id_].cell
    return cell.seq if cell is not None and cell.job else 0


def _taken(cells: MemoryCells, id_: TargetId) -> leases.Lease:
    while True:
        try:
            return leases.take_over(cells, cells.read([id_])[id_], OTHER)
        except leases.SupersededError:
            continue
