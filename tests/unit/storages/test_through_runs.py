"""Runs over storages that read through each other: random histories, and what must hold in all of them."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from traintrack.action import cell as change
from traintrack.action.action import Action, ActionGraph
from traintrack.action.cell import Cell, CellState, Failure, FreeReason, Owner, new_nonce
from traintrack.action.event import Event, Notice, TargetWaiting
from traintrack.action.job import Job, JobState
from traintrack.action.plan import Outcome
from traintrack.action.record import Record, Who, decode_record, encode_record
from traintrack.app.clock import SystemClock
from traintrack.digest import ActionKey, TargetId
from traintrack.execute.control import RunControl
from traintrack.execute.flight import Ports
from traintrack.execute.run import Run
from traintrack.execute.settings import RunResult, RunSettings
from traintrack.execute.slots import Capacity
from traintrack.plan.planner import Planner
from traintrack.ports.storage import Seen, Storage
from traintrack.ports.through import Sharing
from traintrack.testing.builders import build_action, build_graph
from traintrack.testing.fake_runner import FakeRunner, Played

sys.path.insert(0, str(Path(__file__).resolve().parent))

from through_world import Named, cell_of, held, put_result, reading, staged, stands

LIMIT_S = 20.0
DATA = build_action("data")
LEFT, RIGHT = build_action("left", [DATA]), build_action("right", [DATA])
JOIN = build_action("join", [LEFT, RIGHT])
ALL = (DATA, LEFT, RIGHT, JOIN)
GRAPH = build_graph(ALL)


class NoMaterials:
    def provide(self, action: Action) -> None: ...

    def secrets(self, action: Action) -> Mapping[str, str]:
        return {}

    def explain(self, action: Action, state: JobState) -> str | None:
        return None


class Heard:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


class Engineer:
    """Runs the graph over a storage of his own that reads others, and notes what he executed."""

    def __init__(self, name: str, own: Named, *others: Storage) -> None:
        self.name, self.own, self.others = name, own, others
        self.runner = FakeRunner(self.play)
        self.heard = Heard()
        self.broken: list[str] = []
        self.busy: frozenset[str] = frozenset()
        self.forced: frozenset[TargetId] = frozenset()

    def play(self, job: Job) -> Played:
        """The law: what stands in a storage that is read, or is held there by one who lives, is not executed.

        What stood here and was taken away, as damaged, superseded or by force, is made again here; what is forced is
        made to be compared.
        """
        id_ = job.action.id
        stood_before = cell_of(self.own.cells.read([id_])[id_]).previous_record is not None
        for other in self.others if not stood_before and id_ not in self.forced else ():
            cell = other.cells.read([id_])[id_].cell
            lives = cell is not None and cell.owner is not None and other.cells.liveness(cell.owner).value == "alive"
            if other.name not in self.busy and cell is not None and (cell.state is CellState.DONE or lives):
                self.broken.append(f"{job.action.label} is {cell.state.value} in {other.name}")
        return Played(self.content(job.action))

    def content(self, action: Action) -> bytes:
        return f"{action.label} by {self.name}".encode()

    def run(
        self,
        graph: ActionGraph = GRAPH,
        *,
        sharing: Sharing = Sharing.WAIT,
        force: bool = False,
        replacing: bool = False,
    ) -> RunResult:
        storage = reading(self.own, *self.others)
        storage.attend(lambda words: self.heard.emit(Notice(words, level="warning")), sharing)
        self.forced = frozenset(graph.requested if force else ())
        planner = Planner(graph, storage, self.forced)
        name = f"r-{self.name}-{new_nonce()[:6]}"
        with storage.present(name) as owner:
            run = Run(
                plan=planner.plan(replace_results=replacing), planner=planner, owner=owner,
                ports=Ports(storage, self.runner, SystemClock(), NoMaterials(), Who(self.name, "here", name)),
                settings=RunSettings(name, Capacity(jobs=4)), sink=self.heard, control=RunControl(),
            )  # fmt: skip
            return run.execute()

    @property
    def executed(self) -> list[str]:
        return sorted(self.runner.executions.elements())


@pytest.fixture
def team() -> Named:
    return Named("team")


@pytest.fixture
def ann(team: Named) -> Engineer:
    return Engineer("ann", Named("ann"), team)


def test_what_stands_elsewhere_is_reused_and_nothing_below_it_is_looked_at(ann: Engineer, team: Named) -> None:
    put_result(team, JOIN.id)

    result = ann.run()

    assert result.finished[JOIN.id].outcome is Outcome.REUSED
    assert ann.executed == []
    assert stands(ann.own, JOIN.id).home == "team"
    assert stands(ann.own, DATA.id) is None


def test_inputs_from_elsewhere_are_built_upon(ann: Engineer, team: Named) -> None:
    Engineer("bea", team).run()
    wanted = stands(team, LEFT.id)
    seen = team.cells.read([JOIN.id])[JOIN.id]
    team.cells.swap(seen, change.evict(cell_of(seen), FreeReason.EVICTED))

    result = ann.run()

    # The same recipe on the same bytes has no hint any more that leads anywhere, so it is executed.
    assert ann.executed == ["//:join"]
    assert stands(ann.own, LEFT.id) == replace(wanted, home="team")
    assert stands(ann.own, JOIN.id).home == ""
    assert result.finished[JOIN.id].outcome is Outcome.EXECUTED


def test_who_waits_for_a_holder_elsewhere_goes_on_with_his_result(ann: Engineer, team: Named) -> None:
    with team.present("r-far"):
        there = held(team, JOIN.id)
        thread, results = _in_a_thread(ann)
        _until(lambda: any(isinstance(event, TargetWaiting) for event in ann.heard.events))
        _finish(team, there)
        thread.join(LIMIT_S)

    assert ann.executed == ["//:data", "//:left", "//:right"]
    assert results[0].finished[JOIN.id].outcome is Outcome.SHARED
    assert stands(ann.own, JOIN.id).home == "team"


@pytest.mark.parametrize("ending", ["gone", "failed", "released"])
def test_when_the_holder_elsewhere_comes_to_nothing_it_is_executed_here(
    ann: Engineer, team: Named, ending: str
) -> None:
    with ExitStack() as far:
        far.enter_context(team.present("r-far"))
        there = held(team, JOIN.id)
        thread, results = _in_a_thread(ann)
        _until(lambda: any(isinstance(event, TargetWaiting) for event in ann.heard.events))
        if ending == "gone":
            far.close()
        elif ending == "failed":
            team.cells.swap(there, change.fail(cell_of(there), Failure(cell_of(there).flight, "task", "exit 1")))
        else:
            team.cells.swap(there, change.release(cell_of(there)))
        thread.join(LIMIT_S)

    assert results[0].finished[JOIN.id].outcome is Outcome.EXECUTED
    assert stands(ann.own, JOIN.id).home == ""
    assert stands(team, JOIN.id) is None


def test_alone_nobody_is_waited_for(ann: Engineer, team: Named) -> None:
    with team.present("r-far"):
        held(team, JOIN.id)
        result = ann.run(sharing=Sharing.ALONE)

    assert result.finished[JOIN.id].outcome is Outcome.EXECUTED


def test_vanished_bytes_of_an_input_are_made_again_here(ann: Engineer, team: Named) -> None:
    for action in (DATA, LEFT, RIGHT):
        put_result(team, action.id, action.label.encode())
    team.lose(LEFT.id)

    result = ann.run()

    assert result.finished[JOIN.id].outcome is Outcome.EXECUTED
    assert ann.executed == ["//:join", "//:left"]
    assert stands(ann.own, LEFT.id).home == ""
    assert stands(ann.own, RIGHT.id).home == "team"
    assert stands(team, LEFT.id) is not None


def test_force_compares_with_what_stands_elsewhere_and_leaves_it(ann: Engineer, team: Named) -> None:
    theirs = put_result(team, JOIN.id)

    result = ann.run(force=True)

    assert "not deterministic" in result.finished[JOIN.id].message
    assert stands(ann.own, JOIN.id) == replace(theirs, home="team")
    assert stands(team, JOIN.id) == theirs


def test_force_and_replace_takes_only_the_own_result_away(ann: Engineer, team: Named) -> None:
    theirs = put_result(team, JOIN.id)

    ann.run(force=True, replacing=True)

    assert stands(ann.own, JOIN.id).home == ""
    assert stands(ann.own, JOIN.id).artifact != theirs.artifact
    assert stands(team, JOIN.id) == theirs


def test_a_result_that_was_made_from_other_bytes_than_stand_here_is_made_again_here(team: Named) -> None:
    own = Named("ann")
    alone = Engineer("ann", own)
    alone.run(build_graph((DATA, LEFT)))
    Engineer("bea", team).run(build_graph((DATA, RIGHT)))
    ann = Engineer("ann", own, team)

    ann.run()

    assert ann.executed == ["//:join", "//:right"]
    assert [stands(own, action.id).home for action in ALL] == [""] * 4


def test_an_early_cut_off_is_taken_from_elsewhere(team: Named) -> None:
    """The hint of the team leads to another ID with the same recipe on the same bytes."""
    ann = Engineer("ann", Named("ann"), team)
    Engineer("bea", team).run()
    wanted = stands(team, JOIN.id)
    storage = reading(ann.own, team)
    with storage.present("r-1"):
        key = _action_key(team, JOIN.id)
        assert storage.ledger.hint(key) == JOIN.id
        assert stands(storage, JOIN.id).artifact == wanted.artifact


STEPS = st.lists(
    st.tuples(st.sampled_from(["result", "held", "evict", "lose", "run", "both", "force", "away"]), st.integers(0, 3)),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(STEPS, st.integers(0, 2**16))
def test_in_any_history_nothing_is_executed_that_stands_elsewhere_and_no_result_is_replaced(
    steps: Sequence[tuple[str, int]], seed: int
) -> None:
    world = _World(seed)
    for step, which in steps:
        world.take(step, ALL[which])
    world.take("run", JOIN)

    assert world.broken() == []
    assert all(stands(engineer.own, JOIN.id) is not None for engineer in world.engineers)


class _Watched(Named):
    """Notes what must never be done to a cell: a result in place of a result, and any write by who only reads."""

    def __init__(self, name: str, writers: Collection[str]) -> None:
        super().__init__(name)
        self.wrongs: list[str] = []
        swap = self.cells.swap

        def watched(seen: Seen, cell: Cell) -> Seen:
            if seen.cell is not None and seen.cell.state is CellState.DONE and cell.state is CellState.DONE:
                self.wrongs.append(f"a result was replaced in {name}")
            if cell.owner is not None and not cell.owner.run.startswith(tuple(writers)):
                self.wrongs.append(f"{cell.owner.run} wrote into {name}")
            return swap(seen, cell)

        self.cells.swap = watched  # type: ignore[method-assign]


class _World:
    """Two engineers who read the team's storage, one of them the other's too; in the team's, others come and go."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.team = _Watched("team", ["r-far"])
        first, second = _Watched("first", ["r-ann"]), _Watched("second", ["r-ben"])
        self.engineers = (Engineer("ann", first, self.team), Engineer("ben", second, self.team, first))
        self._storages = (self.team, first, second)
        self._leaving: list[threading.Thread] = []

    def take(self, step: str, action: Action) -> None:
        {
            "result": self._result, "held": self._hold, "evict": self._evict, "lose": self._lose,
            "run": self._run, "both": self._both, "force": self._force, "away": self._away,
        }[step](action)  # fmt: skip

    def broken(self) -> list[str]:
        for thread in self._leaving:
            thread.join()
        return [*(w for one in self._storages for w in one.wrongs), *(w for one in self.engineers for w in one.broken)]

    def _free(self, action: Action) -> bool:
        cell = self.team.cells.read([action.id])[action.id].cell
        return cell is None or cell.state is CellState.FREE

    def _result(self, action: Action) -> None:
        if self._free(action):
            put_result(self.team, action.id, self._random.randbytes(4))

    def _hold(self, action: Action) -> None:
        """A holder who lives for a moment, and then commits, lets go or dies."""
        if not self._free(action):
            return
        name, ending = f"r-far-{new_nonce()}", self._random.choice(["commit", "release", "die"])
        self.team.cells.present(name)
        seen = held(self.team, action.id, Owner(new_nonce(), name))

        def leave() -> None:
            time.sleep(0.01)
            if ending == "commit":
                _finish(self.team, seen)
            elif ending == "release":
                self.team.cells.swap(seen, change.release(cell_of(seen)))
            self.team.cells.left(name)

        self._leaving.append(threading.Thread(target=leave))
        self._leaving[-1].start()

    def _evict(self, action: Action) -> None:
        seen = self.team.cells.read([action.id])[action.id]
        if seen.cell is not None and seen.cell.result is not None:
            self.team.cells.swap(seen, change.evict(seen.cell, FreeReason.EVICTED))
            self.team.artifacts.present.pop(seen.cell.result.artifact, None)

    def _lose(self, action: Action) -> None:
        if self.team.done(action.id):
            self.team.lose(action.id)

    def _run(self, _: Action) -> None:
        for engineer in self.engineers:
            result = engineer.run()
            assert all(done.outcome.good for done in result.finished.values())

    def _both(self, _: Action) -> None:
        self.engineers[1].busy = frozenset({"first"})  # What is taken there at this moment could not be seen.
        runs = [_in_a_thread(one) for one in self.engineers]
        for thread, _results in runs:
            thread.join(LIMIT_S)
        self.engineers[1].busy = frozenset()
        assert all(results and all(d.outcome.good for d in results[0].finished.values()) for _, results in runs)

    def _force(self, _: Action) -> None:
        self.engineers[0].run(force=True, replacing=True)

    def _away(self, _: Action) -> None:
        """A run without the team: all that it needs is made here."""
        alone = Engineer("ann", self.engineers[0].own)
        assert all(done.outcome.good for done in alone.run().finished.values())


def _action_key(storage: Named, id_: TargetId) -> ActionKey | None:
    data = storage.kept.get(stands(storage, id_).record)
    return decode_record(data).action_key


def _finish(storage: Named, seen: Seen) -> None:
    """Commit what is held, as its holder would."""
    result = storage.artifacts.publish(staged(storage, b"theirs"))
    record = Record(seen.id, {}, "//:t", "TTCONFIG.yaml:1:1", "test", Who("ada", "far"), artifact=result.artifact)
    result = replace(result, record=storage.kept.put(encode_record(record)))
    storage.cells.swap(seen, change.commit(cell_of(seen), result))


def _in_a_thread(engineer: Engineer, sharing: Sharing = Sharing.WAIT) -> tuple[threading.Thread, list[RunResult]]:
    results: list[RunResult] = []
    thread = threading.Thread(target=lambda: results.append(engineer.run(sharing=sharing)), daemon=True)
    thread.start()
    return thread, results


def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)
