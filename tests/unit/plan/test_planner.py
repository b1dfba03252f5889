"""Planning: from the top down, in batches, with a reason for each target."""

from __future__ import annotations

import pytest

from traintrack.action.action import Action, ActionGraph
from traintrack.action.cell import Failure as CellFailure
from traintrack.action.cell import FreeReason, Owner, Result, acquire, evict, fail
from traintrack.action.event import RunDocument, RunTarget
from traintrack.action.plan import Decision, ReasonCode
from traintrack.action.record import Record, Timings, Who, encode_record
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.errors import NotFoundError
from traintrack.plan.planner import Planner
from traintrack.testing.builders import build_action, build_graph
from traintrack.testing.memory_storage import MemoryStorage, with_result


def stand(storage: MemoryStorage, action: Action, run: str = "r-0", task_s: float = 5.0) -> None:
    """Give an action a result with a record and a line of history."""
    who = Who("ann", "here", run)
    record = Record(
        id=action.id, preimage=action.recipe, label=action.label, place="", workspace="test", who=who,
        timings=Timings(task_s=task_s),
    )  # fmt: skip
    digest = storage.kept.put(encode_record(record))
    with_result(storage, action.id, Result(ArtifactDigest(action.id), ContentDigest("m"), digest))
    row = RunTarget(action.label, action.id, "executed", record=digest)
    storage.ledger.put_run(RunDocument(run, "test", "local", "ann", "here", "", "", "", (row,)))


def decisions(graph: ActionGraph, storage: MemoryStorage) -> dict[str, tuple[str, str]]:
    steps = Planner(graph, storage).plan().steps
    return {graph.label_of(i): (s.decision.value, s.reason.code.value) for i, s in steps.items()}


def test_below_a_target_that_stands_nothing_is_looked_at() -> None:
    data = build_action("data")
    model = build_action("model", [data])
    storage = MemoryStorage()
    stand(storage, model)
    storage.cells.reads = 0

    assert decisions(build_graph([data, model]), storage) == {"//:model": ("reuse", "cached")}
    assert storage.cells.reads == 1


def test_what_was_never_built_is_executed_after_its_inputs() -> None:
    data = build_action("data")
    model = build_action("model", [data])

    found = decisions(build_graph([data, model]), MemoryStorage())

    assert list(found.items()) == [
        ("//:data", ("execute", "never-built")),
        ("//:model", ("execute", "never-built")),
    ]


def test_a_changed_argument_is_named_and_the_recorded_time_expected() -> None:
    storage = MemoryStorage()
    stand(storage, build_action("train", args={"epochs": 1, "lr": 0.1}), task_s=7.0)
    graph = build_graph([build_action("train", args={"epochs": 2, "lr": 0.1})])

    step = Planner(graph, storage).plan().steps[graph.requested[0]]

    assert step.reason.code is ReasonCode.RECIPE_CHANGED
    assert step.reason.facts["fields"] == ["args.epochs"]
    assert step.expected_s == 7.0


def test_a_target_of_which_only_inputs_changed_says_so() -> None:
    storage = MemoryStorage()
    old = build_action("data", args={"rows": 1})
    stand(storage, build_action("train", [old]))
    new = build_action("data", args={"rows": 2})
    graph = build_graph([new, build_action("train", [new])])

    assert decisions(graph, storage)["//:train"] == ("execute", "input-remade")


def test_a_living_holder_is_waited_for_and_what_lies_below_is_its_business() -> None:
    data = build_action("data")
    model = build_action("model", [data])
    storage = MemoryStorage()
    storage.cells.present("r-9")
    seen = storage.cells.read([model.id])[model.id]
    storage.cells.swap(seen, acquire(None, Owner("t", "r-9", "ann", "gpu-1", since="2026-01-01")))

    graph = build_graph([data, model])
    step = Planner(graph, storage).plan().steps[model.id]

    assert decisions(graph, storage) == {"//:model": ("wait", "held-by-another-run")}
    assert step.reason.facts["host"] == "gpu-1"


def test_a_dead_holder_is_not_waited_for() -> None:
    model = build_action("model")
    storage = MemoryStorage()
    storage.cells.swap(storage.cells.read([model.id])[model.id], acquire(None, Owner("t", "r-dead")))

    assert decisions(build_graph([model]), storage) == {"//:model": ("execute", "interrupted-before")}


@pytest.mark.parametrize(
    ("reason", "code"),
    [(FreeReason.EVICTED, "evicted"), (FreeReason.CORRUPT, "corrupt"), (FreeReason.SUPERSEDED, "superseded")],
)
def test_why_a_result_is_gone_is_told(reason: FreeReason, code: str) -> None:
    model = build_action("model")
    storage = MemoryStorage()
    stand(storage, model)
    seen = storage.cells.read([model.id])[model.id]
    assert seen.cell is not None
    storage.cells.swap(seen, evict(seen.cell, reason))

    assert decisions(build_graph([model]), storage) == {"//:model": ("execute", code)}


def test_an_earlier_failure_is_told_with_its_message() -> None:
    model = build_action("model")
    storage = MemoryStorage()
    seen = storage.cells.swap(storage.cells.read([model.id])[model.id], acquire(None, Owner("t", "r-1")))
    assert seen.cell is not None
    storage.cells.swap(seen, fail(seen.cell, CellFailure(seen.cell.flight, "task", "exit 3")))
    graph = build_graph([model])

    reason = Planner(graph, storage).plan().steps[model.id].reason

    assert (reason.code, reason.facts["message"]) == (ReasonCode.FAILED_BEFORE, "exit 3")


def test_force_runs_only_what_was_asked_for_again() -> None:
    data = build_action("data")
    model = build_action("model", [data])
    storage = MemoryStorage()
    stand(storage, data)
    stand(storage, model)
    graph = build_graph([data, model])

    steps = Planner(graph, storage, forced=graph.requested).plan().steps

    assert {graph.label_of(i): s.decision for i, s in steps.items()} == {
        "//:data": Decision.REUSE,
        "//:model": Decision.EXECUTE,
    }


def test_replacing_lists_what_was_made_from_the_result_that_goes() -> None:
    data = build_action("data")
    model, other = build_action("model", [data]), build_action("other")
    storage = MemoryStorage()
    for action in (data, model, other):
        stand(storage, action)
    graph = build_graph([data, model, other], [data])

    assert Planner(graph, storage, forced=[data.id]).plan(replace_results=True).superseded == (model.id,)


def test_a_frozen_result_that_is_not_here_is_an_error_with_a_next_step() -> None:
    frozen = TargetId("f" * 64)
    model = build_action("model", needs=(frozen,))

    with pytest.raises(NotFoundError) as error:
        Planner(build_graph([model]), MemoryStorage()).plan()

    assert error.value.hint


def test_a_whole_layer_is_asked_for_in_one_batch() -> None:
    parts = [build_action(f"part{n}") for n in range(50)]
    graph = build_graph([*parts, build_action("all", parts)])
    storage = MemoryStorage()

    Planner(graph, storage).plan()

    assert storage.cells.reads == 2
