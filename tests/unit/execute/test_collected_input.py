"""An input that a collector takes between the look at its bytes and the lease that names it."""

from __future__ import annotations

from test_run import World, outcomes

from traintrack.action.cell import CellState, FreeReason, evict
from traintrack.ports.storage import Seen
from traintrack.testing.builders import build_action, build_graph
from traintrack.testing.memory_storage import MemoryCells


def test_an_input_that_is_collected_before_it_is_leased_is_made_again() -> None:
    data = build_action("data")
    train = build_action("train", [data])
    world, graph = World(), build_graph([data, train], [train])
    world.run(build_graph([data], [data]), name="r-0")
    swap = world.storage.cells.swap
    collected = []

    def collecting(seen: Seen, cell) -> Seen:
        """Evict `data` when `train` is about to be held, once."""
        if seen.id == train.id and cell.state is CellState.HELD and not collected:
            [standing] = world.storage.cells.read([data.id]).values()
            collected.append(MemoryCells.swap(world.storage.cells, standing, evict(standing.cell, FreeReason.EVICTED)))
        return swap(seen, cell)

    world.storage.cells.swap = collecting  # type: ignore[method-assign]
    started_before = len(world.runner.started)
    result = world.run(graph)

    assert collected
    assert outcomes(graph, result) == {"//:data": "executed", "//:train": "executed"}
    assert world.runner.started[started_before:] == ["//:data", "//:train"]
