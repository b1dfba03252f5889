"""No more of a family run at once than its `max_parallel`, and nobody else waits for that."""

from __future__ import annotations

import math
import sys
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from traintrack.action.action import Action, Provenance, Retries
from traintrack.action.cell import CellState, Owner, acquire
from traintrack.action.failure import FailureClass
from traintrack.action.job import Handle, Job, JobPhase, JobState
from traintrack.action.parallel import Parallel
from traintrack.action.plan import Outcome
from traintrack.digest import TargetId
from traintrack.execute import retry
from traintrack.execute.control import RunControl, StopLevel
from traintrack.execute.line import Line
from traintrack.execute.settings import RunResult
from traintrack.execute.slots import Ask
from traintrack.testing.builders import build_action, build_graph
from traintrack.testing.fake_runner import FakeRunner, Played, Script

sys.path.insert(0, str(Path(__file__).resolve().parent))

from test_run import LIMIT_S, World, _until, outcomes


class CountingRunner(FakeRunner):
    """Counts how many of each family have started and were not reported as ended; `at_once` is the most ever."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self._lock = threading.Lock()
        self._family: dict[Handle, str] = {}
        self.at_once: Counter[str] = Counter()

    def start(self, jobs: Sequence[Job]) -> list[Handle]:
        for job in jobs:
            family = job.action.label.partition("@")[0]
            with self._lock:
                self._family[Handle(f"{job.flight}.{job.attempt}")] = family
                now = Counter(self._family.values())
                self.at_once[family] = max(self.at_once[family], now[family])
        return super().start(jobs)

    def poll(self, handles: Collection[Handle], wait_s: float) -> Mapping[Handle, JobState]:
        found = super().poll(handles, wait_s)
        with self._lock:
            for handle, state in found.items():
                if state.phase is JobPhase.FINISHED:
                    self._family.pop(handle, None)
        return found


def counting(script: Script | None = None) -> tuple[World, CountingRunner]:
    world, runner = World(), CountingRunner(script)
    world.runner = runner
    return world, runner


def members(family: str, count: int, most: int | None, **fields: object) -> list[Action]:
    bound = Parallel(f"//:{family}", most) if most else None
    return [
        replace(build_action(f"{family}{n}", parallel=bound, **fields), provenance=member(family, n))
        for n in range(count)
    ]


def member(family: str, n: int) -> Provenance:
    return Provenance("test", f"//:{family}@n={n:03}", "TTCONFIG.yaml:1:1")


@pytest.mark.parametrize("heartbeat_s", [None, 10.0])
def test_a_family_has_as_many_at_once_as_it_may_and_the_rest_of_the_slots_are_used(heartbeat_s: float | None) -> None:
    gate, ends = threading.Event(), threading.Barrier(8)

    def script(job: Job) -> Played:
        if not gate.is_set():
            # Passed only if three of the one family, two of the other and three others run together.
            ends.wait(LIMIT_S)
            gate.set()
        return Played(job.action.label.encode())

    world, runner = counting(script)
    world.storage.cells.heartbeat_s = heartbeat_s
    actions = [*members("train", 40, 3), *members("eval", 30, 2), *members("free", 20, None)]

    result = world.run(build_graph(actions, actions), jobs=8)

    assert set(outcomes(build_graph(actions), result).values()) == {"executed"}
    assert (runner.at_once["//:train"], runner.at_once["//:eval"]) == (3, 2)
    assert runner.most_at_once <= 8


def test_those_behind_a_member_that_waits_are_not_held_up() -> None:
    gate, others = threading.Event(), {f"//:free@n={n:03}" for n in range(30)}

    def script(job: Job) -> Played:
        others.discard(job.action.label)
        if not others:
            gate.set()
        return Played(b"x", hold=gate if "train" in job.action.label else None)

    world, runner = counting(script)
    actions = [*members("train", 200, 1), *members("free", 30, None)]

    result = world.run(build_graph(actions, actions), jobs=2)

    assert {f.outcome for f in result.finished.values()} == {Outcome.EXECUTED}
    assert runner.at_once["//:train"] == 1
    assert runner.started[1].startswith("//:free")


def test_who_can_start_does_so_before_those_are_looked_at_who_cannot() -> None:
    world, runner = counting()
    actions = [*members("train", 500, 1), *members("free", 3, None)]
    reads: list[int] = []
    start = runner.start

    def noted(jobs: Sequence[Job]) -> list[Handle]:
        reads.append(world.storage.cells.reads)
        return start(jobs)

    runner.start = noted  # type: ignore[method-assign]
    world.run(build_graph(actions, actions), jobs=4)

    others = [n for n, label in enumerate(runner.started) if "free" in label]
    assert max(reads[n] for n in others) < 100


def test_what_a_member_makes_goes_on_to_its_consumer_while_its_sisters_wait() -> None:
    gate = threading.Event()
    trains = members("train", 12, 1)
    report = build_action("report", trains[:1])

    def script(job: Job) -> Played:
        if job.action.label == "//:report":
            gate.set()
        return Played(b"x", hold=gate if job.action.label in ("//:train@n=001", "//:train@n=002") else None)

    world, runner = counting(script)

    result = world.run(build_graph([*trains, report], [*trains, report]), jobs=4)

    assert result.finished[report.id].outcome is Outcome.EXECUTED
    assert runner.at_once["//:train"] == 1
    assert len(runner.started) == 13


def test_a_place_comes_back_from_what_fails_and_from_what_is_tried_again() -> None:
    failing = {f"//:train@n={n:03}": [FailureClass.TASK] * 2 for n in range(0, 12, 2)}

    def script(job: Job) -> Played:
        left = failing.get(job.action.label, [])
        return Played(b"x", failure=left.pop() if left else None)

    world, runner = counting(script)
    actions = members("train", 12, 2, retries=Retries(task=1))

    result = world.run(build_graph(actions, actions), jobs=6)

    assert sorted(outcomes(build_graph(actions), result).values()) == ["executed"] * 6 + ["failed"] * 6
    assert sum(runner.executions.values()) == 18
    assert runner.at_once["//:train"] == 2


def test_a_retry_gets_a_place_before_those_who_came_later() -> None:
    broken = [FailureClass.TASK]

    def script(job: Job) -> Played:
        first = job.action.label == "//:train@n=000"
        return Played(b"x", failure=broken.pop() if first and broken else None)

    world, runner = counting(script)
    actions = members("train", 100, 1, retries=Retries(task=1))

    result = world.run(build_graph(actions, actions), jobs=4)

    assert result.finished[actions[0].id].attempts == 2
    assert [n for n, label in enumerate(runner.started) if label == "//:train@n=000"][1] <= 2
    assert runner.at_once["//:train"] == 1


def test_to_wait_for_another_run_takes_no_place() -> None:
    world, runner = counting()
    actions = members("train", 6, 1)
    world.storage.cells.present("r-other")
    seen = world.storage.cells.read([actions[0].id])[actions[0].id]
    world.storage.cells.swap(seen, acquire(None, Owner("1", "r-other", "ann", "gpu-3")))
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(world.run(build_graph(actions, actions))), daemon=True)
    thread.start()

    _until(lambda: len(runner.started) == 5)
    world.storage.cells.left("r-other")
    thread.join(LIMIT_S)

    assert {f.outcome for f in results[0].finished.values()} == {Outcome.EXECUTED}
    assert runner.at_once["//:train"] == 1


def test_to_look_up_takes_no_place() -> None:
    def recipe(comment: str) -> list[Action]:
        data = build_action("data", args={"comment": comment})
        held = replace(build_action("train000", parallel=Parallel("//:train", 1)), provenance=member("train", 0))
        known = replace(
            build_action("train001", [data], parallel=Parallel("//:train", 1)), provenance=member("train", 1)
        )
        return [data, held, known]

    gate = threading.Event()
    world, runner = counting(lambda job: Played(b"the same", hold=gate if "@n=000" in job.action.label else None))
    old = recipe("old")
    world.run(build_graph([old[0], old[2]]))
    new = recipe("new")
    results: list[RunResult] = []
    graph = build_graph(new, new)
    thread = threading.Thread(target=lambda: results.append(world.run(graph, name="r-2")), daemon=True)
    thread.start()

    _until(lambda: any(getattr(e, "outcome", None) is Outcome.SAME_INPUTS for e in world.sink.events))
    assert not gate.is_set()
    gate.set()
    thread.join(LIMIT_S)

    assert outcomes(graph, results[0])["//:train@n=001"] == "same-inputs"
    assert runner.executions["//:train@n=001"] == 1


def test_two_runs_count_apart() -> None:
    gate, both = threading.Event(), threading.Barrier(2)

    def script(job: Job) -> Played:
        both.wait(LIMIT_S)
        return Played(b"x", hold=gate)

    world, runner = counting(script)
    first, second = members("train", 2, 1)
    results: list[RunResult] = []

    def body(name: str, action: Action) -> None:
        other = World()
        other.storage, other.runner = world.storage, runner
        results.append(other.run(build_graph([action]), name=name))

    threads = [threading.Thread(target=body, args=pair, daemon=True) for pair in (("r-1", first), ("r-2", second))]
    for thread in threads:
        thread.start()
    _until(lambda: runner.at_once["//:train"] == 2)
    gate.set()
    for thread in threads:
        thread.join(LIMIT_S)

    assert len(results) == 2


@pytest.mark.parametrize("level", [StopLevel.DRAIN, StopLevel.STOP])
def test_a_stop_ends_those_who_wait_for_a_place_and_those_who_wait_to_be_tried_again(level: StopLevel) -> None:
    gate, broken = threading.Event(), [FailureClass.TASK]

    def script(job: Job) -> Played:
        first = job.action.label == "//:train@n=000"
        return Played(b"x", failure=broken.pop() if first and broken else None, hold=None if first else gate)

    world, runner = counting(script)
    actions = [*members("train", 50, 1, retries=Retries(task=1))]
    results: list[RunResult] = []
    graph = build_graph(actions, actions)
    thread = threading.Thread(target=lambda: results.append(world.run(graph, jobs=1)), daemon=True)
    thread.start()
    _until(lambda: len(runner.started) >= 3)

    world.control.stop(level)
    gate.set()
    thread.join(LIMIT_S)

    assert not thread.is_alive()
    assert len(results[0].finished) == 50
    assert list(outcomes(graph, results[0]).values()).count("cancelled") >= 47
    world.control = RunControl()
    assert set(outcomes(graph, world.run(graph, name="r-2")).values()) <= {"executed", "reused"}


def test_a_stop_lets_go_of_what_waits_for_a_place_to_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, broken, in_line = threading.Event(), [FailureClass.PLATFORM], threading.Event()
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.02)
    join = Line.join

    def noted(self: Line[TargetId], target: TargetId, ask: Ask, urgency: float = 0.0) -> None:
        join(self, target, ask, urgency)
        if urgency == math.inf:
            in_line.set()

    monkeypatch.setattr(Line, "join", noted)

    def script(job: Job) -> Played:
        first = job.action.label == "//:train@n=000"
        return Played(b"x", failure=broken.pop() if first and broken else None, hold=None if first else gate)

    world, _ = counting(script)
    actions = members("train", 3, 1)
    results: list[RunResult] = []
    graph = build_graph(actions, actions)
    thread = threading.Thread(target=lambda: results.append(world.run(graph)), daemon=True)
    thread.start()
    assert in_line.wait(LIMIT_S)

    world.control.stop()
    gate.set()
    thread.join(LIMIT_S)

    assert list(outcomes(graph, results[0]).values()) == ["cancelled", "executed", "cancelled"]
    assert results[0].finished[actions[0].id].attempts == 1
    cell = world.storage.cells.read([actions[0].id])[actions[0].id].cell
    assert cell is not None
    assert cell.state is CellState.FREE
