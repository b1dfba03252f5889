"""The loop over a storage in memory and a runner that plays a script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import pytest
from msgspec.structs import replace

from traintrack.action.action import Action, ActionGraph, Resources, Retries
from traintrack.action.cell import Cell, FreeReason, Owner, acquire, evict, new_nonce
from traintrack.action.event import AttemptFailed, Event, Notice, TargetFinished, TargetStarted, TargetWaiting
from traintrack.action.failure import FailureClass
from traintrack.action.job import Job, JobState
from traintrack.action.plan import Outcome
from traintrack.action.record import Who, decode_record
from traintrack.app.clock import SystemClock
from traintrack.errors import HostError, TraintrackError
from traintrack.execute.control import RunControl, StopLevel
from traintrack.execute.flight import Ports
from traintrack.execute.run import Run
from traintrack.execute.settings import RunResult, RunSettings
from traintrack.execute.slots import Capacity
from traintrack.plan.planner import Planner
from traintrack.ports.storage import Seen
from traintrack.testing.builders import build_action, build_graph
from traintrack.testing.fake_runner import FakeRunner, Played, Script
from traintrack.testing.memory_storage import MemoryStorage

LIMIT_S = 20.0
Swap = Callable[[Seen, Cell], Seen]


class NoMaterials:
    def __init__(self, error: TraintrackError | None = None) -> None:
        self._error = error

    def provide(self, action: Action) -> None:
        if self._error is not None:
            raise self._error

    def secrets(self, action: Action) -> Mapping[str, str]:
        return {}

    def explain(self, action: Action, state: JobState) -> str | None:
        return None


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Event]:
        return [e for e in self.events if isinstance(e, kind)]


class World:
    """One storage, and as many runs over it as a test wants."""

    def __init__(self, script: Script | None = None) -> None:
        self.storage = MemoryStorage()
        self.runner = FakeRunner(script)
        self.sink = Recorder()
        self.control = RunControl()

    def run(self, graph: ActionGraph, *, name: str = "r-1", **options: object) -> RunResult:
        forced = graph.requested if options.pop("force", False) else ()
        replacing = bool(options.pop("replace", False))
        materials = options.pop("materials", NoMaterials())
        planner = Planner(graph, self.storage, forced)
        settings = RunSettings(name, Capacity(jobs=int(str(options.pop("jobs", 4)))), **options)  # type: ignore[arg-type]
        ports = Ports(self.storage, self.runner, SystemClock(), materials, Who("tester", "here", name))  # type: ignore[arg-type]
        with self.storage.present(name) as owner:
            run = Run(
                plan=planner.plan(replace_results=replacing), ports=ports, planner=planner, owner=owner,
                settings=settings, sink=self.sink, control=self.control,
            )  # fmt: skip
            return _within(run)


def _within(run: Run) -> RunResult:
    found: list[RunResult] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            found.append(run.execute())
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    assert not thread.is_alive(), "the run hangs"
    if errors:
        raise errors[0]
    return found[0]


def outcomes(graph: ActionGraph, result: RunResult) -> dict[str, str]:
    return {a.label: result.finished[i].outcome.value for i, a in graph.actions.items() if i in result.finished}


@pytest.fixture
def chain() -> ActionGraph:
    data = build_action("data")
    train = build_action("train", [data])
    return build_graph([data, train, build_action("report", [train])])


def test_a_chain_is_executed_in_order_and_then_reused(chain: ActionGraph) -> None:
    world = World()

    first = world.run(chain)
    second = world.run(chain, name="r-2")

    assert world.runner.started == ["//:data", "//:train", "//:report"]
    assert set(outcomes(chain, first).values()) == {"executed"}
    assert outcomes(chain, second) == {"//:report": "reused"}


def test_a_failure_blocks_only_what_needs_it() -> None:
    bad, good = build_action("bad"), build_action("good")
    after = build_action("after", [bad, good])
    graph = build_graph([bad, good, after], [after, good])
    world = World(lambda job: Played(failure=FailureClass.TASK if job.action.task == "bad" else None))

    result = world.run(graph)

    assert outcomes(graph, result) == {"//:bad": "failed", "//:good": "executed", "//:after": "blocked"}
    assert result.finished[after.id].because == ("//:bad",)
    assert not result.interrupted


def test_fail_fast_starts_nothing_more() -> None:
    bad = build_action("a_bad")
    rest = [build_action(f"b{n}") for n in range(5)]
    graph = build_graph([bad, *rest], [bad, *rest])
    world = World(lambda job: Played(failure=FailureClass.TASK if job.action.task == "a_bad" else None))

    result = world.run(graph, jobs=1, fail_fast=True)

    found = outcomes(graph, result)
    assert found["//:a_bad"] == "failed"
    assert list(found.values()).count("cancelled") >= 4
    assert not result.interrupted


def test_no_more_than_the_slots_run_at_once_and_all_are_done() -> None:
    actions = [build_action(f"t{n}") for n in range(40)]
    world = World()

    result = world.run(build_graph(actions, actions), jobs=3)

    assert len(result.finished) == 40
    assert world.runner.most_at_once <= 3


def test_a_platform_failure_is_tried_again_and_a_task_failure_as_asked() -> None:
    fails = {"flaky": [FailureClass.TASK, FailureClass.TASK]}

    def script(job: Job) -> Played:
        left = fails.get(job.action.task, [])
        return Played(failure=left.pop() if left else None)

    action = build_action("flaky", retries=Retries(task=2))
    world = World(script)

    result = world.run(build_graph([action]))

    assert result.finished[action.id].outcome is Outcome.EXECUTED
    assert result.finished[action.id].attempts == 3
    assert len(world.sink.of(AttemptFailed)) == 2


def test_the_record_of_an_execution_names_inputs_and_attempts(chain: ActionGraph) -> None:
    world = World()

    result = world.run(chain)

    done = result.finished[chain.requested[0]]
    assert done.record is not None
    record = decode_record(world.storage.kept.objects[done.record])
    train = chain.labels["//:train"]
    assert [(i.id, i.arg) for i in record.inputs] == [(train, "in0")]
    assert record.inputs[0].artifact == result.results[train].artifact
    assert [a.number for a in record.attempts] == [1]


def test_equal_bytes_of_a_new_recipe_cut_off_what_lies_behind() -> None:
    def recipe(comment: str) -> ActionGraph:
        data = build_action("data", args={"comment": comment})
        return build_graph([data, build_action("train", [data])])

    world = World(lambda job: Played(b"the same"))
    world.run(recipe("old"))
    graph = recipe("new")

    result = world.run(graph, name="r-2")

    assert outcomes(graph, result) == {"//:data": "executed", "//:train": "same-inputs"}
    assert world.runner.executions["//:train"] == 1
    record = decode_record(world.storage.kept.objects[result.finished[graph.requested[0]].record or ""])  # type: ignore[index]
    assert record.early_cutoff is not None


def test_only_the_part_that_is_referenced_counts_for_the_cut_off() -> None:
    def recipe(comment: str) -> ActionGraph:
        data = build_action("data", args={"comment": comment})
        return build_graph([data, build_action("train", [(data, "out.txt")])])

    world = World(lambda job: Played(b"the same"))
    world.run(recipe("old"))
    graph = recipe("new")

    assert outcomes(graph, world.run(graph, name="r-2"))["//:train"] == "same-inputs"


def test_a_missing_part_of_an_input_fails_with_its_name() -> None:
    data = build_action("data")
    graph = build_graph([data, build_action("train", [(data, "no/such")])])

    result = World().run(graph)

    failed = result.finished[graph.requested[0]]
    assert failed.outcome is Outcome.FAILED
    assert "no/such" in failed.message


def test_damaged_bytes_are_made_again_in_the_same_run() -> None:
    data = build_action("data")
    world = World()
    world.run(build_graph([data]))
    world.storage.lose(data.id)
    graph = build_graph([data, build_action("train", [data])])

    result = world.run(graph, name="r-2")

    assert outcomes(graph, result) == {"//:data": "executed", "//:train": "executed"}
    assert world.runner.executions["//:data"] == 2
    assert world.sink.of(Notice)


def test_beyond_the_heal_limit_the_command_is_named() -> None:
    data = build_action("data")
    world = World()
    world.run(build_graph([data]))
    world.storage.lose(data.id)
    graph = build_graph([data, build_action("train", [data])])

    result = world.run(graph, name="r-2", heal_limit_s=-1.0)

    failed = result.finished[graph.requested[0]]
    assert failed.outcome is Outcome.FAILED
    assert "--force --replace //:data" in (failed.hint or "")
    assert world.runner.executions["//:data"] == 1


def test_force_compares_and_keeps_what_stands(chain: ActionGraph) -> None:
    count = iter(range(9))
    world = World(lambda job: Played(str(next(count)).encode()))
    first = world.run(chain)

    second = world.run(chain, name="r-2", force=True)

    report = chain.requested[0]
    assert second.results[report] == first.results[report]
    assert "not deterministic: out.txt" in second.finished[report].message
    assert world.runner.executions == {"//:data": 1, "//:train": 1, "//:report": 2}


def test_force_and_replace_takes_the_new_bytes(chain: ActionGraph) -> None:
    count = iter(range(9))
    world = World(lambda job: Played(str(next(count)).encode()))
    first = world.run(chain)

    second = world.run(chain, name="r-2", force=True, replace=True)

    report = chain.requested[0]
    assert second.results[report].artifact != first.results[report].artifact
    record = decode_record(world.storage.kept.objects[second.results[report].record])
    assert record.previous == first.results[report].record


def test_results_that_read_different_bytes_of_one_input_are_made_again_before_they_meet() -> None:
    count = iter(range(99))
    data = build_action("data")
    left, right = build_action("left", [data]), build_action("right", [data])
    world = World(lambda job: Played(str(next(count)).encode()))
    world.run(build_graph([data, left]))
    world.run(build_graph([data]), name="r-2", force=True, replace=True)
    world.run(build_graph([data, right]), name="r-3")
    both = build_action("both", [left, right])
    graph = build_graph([data, left, right, both])

    result = world.run(graph, name="r-4")

    assert outcomes(graph, result)["//:left"] == "executed"
    assert outcomes(graph, result)["//:right"] == "reused"
    lineage = {
        decode_record(world.storage.kept.objects[result.results[i].record]).inputs[0].artifact
        for i in (left.id, right.id)
    }
    assert len(lineage) == 1


def test_bytes_that_change_during_a_run_make_what_disagrees_again() -> None:
    count = iter(range(99))
    data = build_action("data")
    left = build_action("left", [data])
    world = World(lambda job: Played(str(next(count)).encode()))
    world.run(build_graph([data, left]))
    seen = world.storage.cells.read([data.id])[data.id]
    assert seen.cell is not None
    world.storage.cells.swap(seen, evict(seen.cell, FreeReason.EVICTED))
    graph = build_graph([data, left, build_action("both", [data, left])])

    result = world.run(graph, name="r-2")

    assert outcomes(graph, result) == {"//:data": "executed", "//:left": "executed", "//:both": "executed"}
    record = decode_record(world.storage.kept.objects[result.results[left.id].record])
    assert record.inputs[0].artifact == result.results[data.id].artifact


def test_two_runs_that_need_the_same_target_execute_it_once() -> None:
    gate = threading.Event()
    world = World(lambda job: Played(b"x", hold=gate))
    graph = build_graph([build_action("slow")])
    results: dict[str, RunResult] = {}
    sinks = {"r-1": Recorder(), "r-2": Recorder()}

    def body(name: str) -> None:
        other = World()
        other.storage, other.runner, other.sink = world.storage, world.runner, sinks[name]
        results[name] = other.run(graph, name=name)

    threads = [threading.Thread(target=body, args=(n,), daemon=True) for n in sinks]
    for thread in threads:
        thread.start()
    _until(lambda: any(s.of(TargetWaiting) for s in sinks.values()))
    gate.set()
    for thread in threads:
        thread.join(LIMIT_S)

    assert world.runner.executions["//:slow"] == 1
    assert sorted(outcomes(graph, r)["//:slow"] for r in results.values()) == ["executed", "shared"]
    waiting = [e for s in sinks.values() for e in s.of(TargetWaiting)]
    assert isinstance(waiting[0], TargetWaiting)
    assert waiting[0].user == "tester"


def test_a_failure_is_shared_with_who_waited_for_it() -> None:
    gate = threading.Event()
    world = World(lambda job: Played(failure=FailureClass.TASK, message="exit 3", hold=gate))
    graph = build_graph([build_action("slow")])
    results: list[RunResult] = []
    sinks = [Recorder(), Recorder()]

    def body(number: int) -> None:
        other = World()
        other.storage, other.runner, other.sink = world.storage, world.runner, sinks[number]
        results.append(other.run(graph, name=f"r-{number}"))

    threads = [threading.Thread(target=body, args=(n,), daemon=True) for n in range(2)]
    for thread in threads:
        thread.start()
    _until(lambda: any(s.of(TargetWaiting) for s in sinks))
    gate.set()
    for thread in threads:
        thread.join(LIMIT_S)

    assert world.runner.executions["//:slow"] == 1
    assert [outcomes(graph, r)["//:slow"] for r in results] == ["failed", "failed"]
    assert all("exit 3" in r.finished[graph.requested[0]].message for r in results)


def test_a_dead_holders_orphan_is_stopped_before_its_target_is_taken_over() -> None:
    world = World()
    action = build_action("slow")
    seen = world.storage.cells.read([action.id])[action.id]
    dead = acquire(None, Owner(new_nonce(), "r-dead"))
    world.storage.cells.swap(seen, replace(dead, job="orphan.1"))

    result = world.run(build_graph([action]))

    assert world.runner.stopped == ["orphan.1"]
    assert result.finished[action.id].outcome is Outcome.EXECUTED


def test_a_dead_holders_checkpoint_is_taken_up_and_fresh_ignores_it() -> None:
    for fresh, expected in ((False, "epoch-7"), (True, None)):
        world = World()
        action = build_action("slow")
        seen = world.storage.cells.read([action.id])[action.id]
        dead = acquire(None, Owner(new_nonce(), "r-dead"))
        world.storage.cells.swap(seen, dead)
        world.runner.checkpoints[dead.flight] = "epoch-7"

        world.run(build_graph([action]), fresh=fresh)

        assert world.runner.resumed_from == [expected]


def test_an_interrupted_targets_checkpoint_is_taken_up_by_the_next_run() -> None:
    gate = threading.Event()
    world = World(lambda job: Played(b"x", hold=gate))
    graph = build_graph([build_action("slow")])
    thread = threading.Thread(target=lambda: world.run(graph), daemon=True)
    thread.start()
    _until(lambda: world.runner.started == ["//:slow"])
    world.control.stop(StopLevel.STOP)
    thread.join(LIMIT_S)
    gate.set()
    world.control = RunControl()

    world.run(graph, name="r-2")

    assert world.runner.resumed_from == [None, "epoch-1"]


def test_a_waiter_goes_on_when_the_holder_dies() -> None:
    world = World()
    action = build_action("slow")
    world.storage.cells.present("r-other")
    seen = world.storage.cells.read([action.id])[action.id]
    world.storage.cells.swap(seen, acquire(None, Owner(new_nonce(), "r-other", "ann", "gpu-3")))
    threading.Timer(0.1, lambda: world.storage.cells.left("r-other")).start()

    result = world.run(build_graph([action]))

    assert result.finished[action.id].outcome is Outcome.EXECUTED
    assert [e.host for e in world.sink.of(TargetWaiting) if isinstance(e, TargetWaiting)] == ["gpu-3"]


def test_a_waiter_finds_the_inputs_that_its_plan_had_not_looked_at() -> None:
    world = World()
    data = build_action("data")
    train = build_action("train", [data])
    world.storage.cells.present("r-other")
    seen = world.storage.cells.read([train.id])[train.id]
    world.storage.cells.swap(seen, acquire(None, Owner(new_nonce(), "r-other")))
    threading.Timer(0.1, lambda: world.storage.cells.left("r-other")).start()

    result = world.run(build_graph([data, train]))

    assert world.runner.started == ["//:data", "//:train"]
    assert result.finished[train.id].outcome is Outcome.EXECUTED


def test_the_first_stop_lets_running_tasks_end_and_starts_nothing_more(chain: ActionGraph) -> None:
    gate = threading.Event()
    world = World(lambda job: Played(b"x", hold=gate))
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(world.run(chain)), daemon=True)
    thread.start()
    _until(lambda: world.runner.started == ["//:data"])

    world.control.stop()
    gate.set()
    thread.join(LIMIT_S)

    assert outcomes(chain, results[0]) == {"//:data": "executed", "//:train": "cancelled", "//:report": "cancelled"}
    assert results[0].interrupted


def test_the_second_stop_ends_running_tasks_and_frees_their_cells_with_the_checkpoint(chain: ActionGraph) -> None:
    world = World(lambda job: Played(b"x", hold=threading.Event()))
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(world.run(chain)), daemon=True)
    thread.start()
    _until(lambda: world.runner.started == ["//:data"])

    world.control.stop(StopLevel.STOP)
    thread.join(LIMIT_S)

    assert set(outcomes(chain, results[0]).values()) == {"cancelled"}
    cell = world.storage.cells.read([chain.order[0]])[chain.order[0]].cell
    assert cell is not None
    assert (cell.free, cell.checkpoint) == (FreeReason.RELEASED, "epoch-1")


def test_no_thread_stays_where_stopping_fails_on_the_way_out_of_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise HostError("the disk cannot be read", code="disk-error")

    world = World(lambda job: Played(b"x", hold=threading.Event()))
    left, right = build_action("left"), build_action("right")
    graph = build_graph([left, right], [left, right])
    emit = world.sink.emit

    def tell(event: Event) -> None:
        emit(event)
        if len(world.sink.of(TargetStarted)) == 2:
            raise HostError("nobody reads any more", code="lost-stream")

    monkeypatch.setattr(world.sink, "emit", tell)
    monkeypatch.setattr(world.runner, "stop", refuse)
    monkeypatch.setattr(world.storage.cells, "swap", refuse_after(world.storage.cells.swap, world, refuse))
    before = set(threading.enumerate())

    with pytest.raises(HostError, match="nobody reads"):
        world.run(graph)

    assert [t.name for t in set(threading.enumerate()) - before if not t.daemon] == []


def refuse_after(swap: Swap, world: World, refuse: Callable[[], None]) -> Swap:
    """Swap cells until both tasks run; what comes then is refused."""

    def swapped(seen: Seen, cell: Cell) -> Seen:
        if len(world.sink.of(TargetStarted)) == 2:
            refuse()
        return swap(seen, cell)

    return swapped


def test_what_cannot_be_delivered_fails_only_its_target() -> None:
    action = build_action("train")
    error = HostError("`lib/link` leaves its folder", hint="remove it")

    result = World().run(build_graph([action]), materials=NoMaterials(error))

    finished = result.finished[action.id]
    assert (finished.outcome, finished.message, finished.hint) == (Outcome.FAILED, error.message, "remove it")


def test_more_gpus_than_there_are_is_said_and_blocks_its_consumers() -> None:
    train = build_action("train", resources=Resources(gpu=2))
    graph = build_graph([train, build_action("report", [train])])

    result = World().run(graph)

    assert outcomes(graph, result) == {"//:train": "failed", "//:report": "blocked"}
    assert "GPU" in result.finished[train.id].message


def test_every_target_of_the_plan_ends_exactly_once_in_the_events(chain: ActionGraph) -> None:
    world = World()

    world.run(chain)

    ended = [e.id for e in world.sink.of(TargetFinished) if isinstance(e, TargetFinished)]
    assert sorted(ended) == sorted(chain.order)


def _until(condition: object, limit_s: float = LIMIT_S) -> None:
    done = threading.Event()
    for _ in range(int(limit_s / 0.01)):
        if condition():  # type: ignore[operator]
            return
        done.wait(0.01)
    raise AssertionError("it did not happen")


def test_all_consumers_of_bytes_that_are_made_again_wait_for_them() -> None:
    data = build_action("data")
    consumers = [build_action(f"c{n}", [data]) for n in range(12)]
    world = World()
    world.run(build_graph([data]))
    world.storage.lose(data.id)
    graph = build_graph([data, *consumers], consumers)

    result = world.run(graph, name="r-2", jobs=3)

    assert set(outcomes(graph, result).values()) == {"executed"}
    assert world.runner.executions["//:data"] == 2
