"""Drives the real code through chosen interleavings: the executor's steps, the cells, publisher and collector.

A worker calls `advance` and `conclude` as the executor's loop does. What it calls below is real; doubles stand only
for the runner (a task is a pause), for what is kept for ever, and for the store itself.
"""

from __future__ import annotations

import functools
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from invariants import BrokenPromiseError, ObjectHistory, demand

from traintrack.action.action import Action
from traintrack.action.cell import CellState, FreeReason, Owner, Result
from traintrack.action.failure import FailureClass
from traintrack.action.job import Capabilities, Handle, JobPhase, JobState, Output
from traintrack.action.manifest import Entry, make_manifest
from traintrack.action.plan import Reason, ReasonCode
from traintrack.action.record import Isolation, Who
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId, content_digest
from traintrack.errors import HostError, IntegrityError
from traintrack.execute import lease as leases
from traintrack.execute.advance import advance
from traintrack.execute.conclude import abandon, conclude, give_up, stop_superseded
from traintrack.execute.flight import Flight, Ports
from traintrack.execute.heartbeats import BeatingCells, BeatingStorage
from traintrack.execute.next import Fails, NeedsSlot, Next, Request, Runs, Stands, Waits
from traintrack.execute.slots import Grant
from traintrack.storages.objects.cells import ObjectCells
from traintrack.storages.objects.collector import Collector
from traintrack.storages.objects.collector_lease import CollectorLostError
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.layouts import Layouts
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.objects.silence import Rhythm
from traintrack.storages.objects.sizes import Sizes, wrong_words
from traintrack.storages.objects.upload import Publisher
from traintrack.testing.builders import build_action
from traintrack.testing.memory_objects import MemoryObjects
from traintrack.testing.memory_storage import MemoryKept, MemoryLedger
from traintrack.testing.schedule import Faults, Schedule

KEYS = Keys("ns")
RHYTHM = Rhythm(heartbeat_s=1.0, first_poll_s=0.5, longest_poll_s=2.0)
LEAF = Result(ArtifactDigest("1" * 64), ContentDigest("2" * 64), ContentDigest("3" * 64))
SOURCES = tuple(build_action(f"source{n}") for n in range(2))
TARGETS = tuple(build_action("train", [source]) for source in SOURCES)
"""Two IDs of one recipe over equal bytes, so that each may take the other's result."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who takes part. `workers` are the numbers of the cells that they want.

    `timely`: every live holder beats in time, so that nobody but the dead may be superseded. `made`: the cells that
    have a result from the start. `outputs`: how many different bytes a task may put out. `sure`: nothing fails, is
    interrupted or quarantined.
    """

    workers: tuple[int, ...] = (0, 0)
    collectors: int = 0
    rounds: int = 1
    quarantines: int = 0
    faults: Faults = field(default_factory=Faults)
    timely: bool = False
    made: tuple[int, ...] = ()
    outputs: int = 2
    hints: bool = False
    sure: bool = False


class StagedArtifacts:
    """Outputs of one file over the real publisher; what is read is only looked for, as there is no cache."""

    def __init__(self, objects: MemoryObjects, schedule: Schedule) -> None:
        rounds = Rounds(objects, KEYS, schedule)
        self._publisher = Publisher(objects, KEYS, rounds, schedule, senders=1, lookers=1)
        self._layouts = Layouts(objects, KEYS, schedule)
        self._sizes = Sizes(objects, schedule, 1)

    def publish(self, output: Output) -> Result:
        layout = self._publisher.publish(output.staged, output.manifest)
        digest = output.manifest.digest()
        return Result(digest, ContentDigest(digest), ContentDigest(""), layout)

    def check(self, result: Result, subpath: str | None = None) -> str | None:
        if not result.layout:
            return None
        manifest = next(o.manifest for o in map(output_of, range(2)) if o.manifest.digest() == result.artifact)
        try:
            wrong = self._sizes.wrong(self._layouts.read(result.layout, manifest).objects)
        except IntegrityError as error:
            return error.message
        return wrong_words(*wrong[0]) if wrong else None

    def fetch(self, result: Result, subpath: str | None = None) -> str | None:
        return self.check(result, subpath)

    def discard(self, output: Output) -> None:
        pass


_STAGES = tempfile.TemporaryDirectory(prefix="traintrack-protocol-")


@functools.cache
def output_of(value: int) -> Output:
    """What a task may put out: a folder with one file; made once, as nobody changes it."""
    data = f"output {value}".encode()
    folder = Path(_STAGES.name, str(value))
    folder.mkdir()
    (folder / "out.txt").write_bytes(data)
    return Output(str(folder), make_manifest([Entry("out.txt", size=len(data), digest=content_digest(data))]))


class Hints(MemoryLedger):
    """Each of the two IDs is a hint for the other."""

    def __init__(self, me: TargetId) -> None:
        super().__init__()
        self._other = next(a.id for a in TARGETS if a.id != me)

    def hint(self, key: object) -> TargetId:
        return self._other


class World:
    """One store and all who use it, for one schedule."""

    def __init__(self, scenario: Scenario, numbers: list[int]) -> None:
        self.scenario = scenario
        self.schedule = Schedule(numbers, scenario.faults)
        self.objects = MemoryObjects()
        self.history = ObjectHistory(self.objects.objects, lambda: self.schedule.playing)
        self.cells_history = self.history.cells
        self.kept = MemoryKept()
        self.executing: Counter[TargetId] = Counter()
        self.executions = 0
        self._workers: dict[str, Worker] = {}
        self.outcomes: Counter[str] = Counter()
        Rounds(self.objects, KEYS, self.schedule).create()

    def play(self) -> None:
        """Run the schedule.

        Raises:
            BrokenPromiseError: an invariant does not hold.
            StuckError: I5: somebody alive can never finish.
        """
        self._make_results()
        self.objects = MemoryObjects(self.schedule, self.history.changed)
        self.objects.objects = self.history._objects  # type: ignore[assignment]
        scenario = self.scenario
        for number, cell in enumerate(scenario.workers):
            self._add(Worker(self, f"worker{number}", TARGETS[cell]))
        for number in range(scenario.collectors):
            self.schedule.add(f"collector{number}", lambda number=number: self._collect(number))
        for number in range(scenario.quarantines):
            self.schedule.add(f"quarantine{number}", lambda number=number: self._quarantine(number), mortal=False)
        self.schedule.run()

    def _make_results(self) -> None:
        """Let the results be there that the scenario begins with, through the same code, undisturbed."""
        if not self.scenario.made:
            return
        playing, self.schedule = self.schedule, Schedule([], Faults())
        scenario, self.scenario = self.scenario, Scenario(workers=self.scenario.made, sure=True)
        self.objects = MemoryObjects(self.schedule, self.history.changed)
        self.objects.objects = self.history._objects  # type: ignore[assignment]
        for cell in self.scenario.workers:
            self._add(Worker(self, f"maker{cell}", TARGETS[cell]))
        self.schedule.run()
        self.schedule, self.scenario = playing, scenario
        self.executions = 0

    def _add(self, worker: Worker) -> None:
        self.schedule.add(worker.name, worker.work)
        self.schedule.add(f"{worker.name}-beats", worker.beat, needed=False, mortal=False)
        self._workers[worker.name] = worker
        self.schedule.on_crash(lambda name: self._workers[name].died() if name in self._workers else None)

    def cells(self) -> ObjectCells:
        return ObjectCells(self.objects, KEYS, self.schedule, RHYTHM, readers=1)

    def owner(self, worker: str) -> Owner:
        return Owner("", worker)

    def storage(self, worker: str, me: TargetId) -> DrivenStorage:
        ledger = Hints(me) if self.scenario.hints else MemoryLedger()
        return DrivenStorage(self.cells(), self.kept, StagedArtifacts(self.objects, self.schedule), ledger)

    def left(self, worker: str) -> None:
        """The process of a worker has ended, by itself or not."""

    def output(self, worker: str, value: int) -> Output:
        return output_of(value)

    def _collect(self, number: int) -> None:
        rounds = Rounds(self.objects, KEYS, self.schedule)
        for turn in range(self.scenario.rounds):
            cells = self.cells()
            collector = Collector(
                objects=self.objects,
                keys=KEYS,
                cells=cells,
                rounds=rounds,
                layouts=Layouts(self.objects, KEYS, self.schedule),
                pace=self.schedule,
                token=f"collector {number} {turn}",
                rhythm=RHYTHM,
                fence_after_s=2.0,
            )
            try:
                collector.collect(lambda _: self.schedule.pick(2) == 1)
            except (CollectorLostError, HostError) as error:
                self.outcomes[type(error).__name__] += 1
            else:
                self.outcomes["collected"] += 1

    def _quarantine(self, number: int) -> None:
        """A reader takes results back, here even without cause."""
        id_ = TARGETS[self.schedule.pick(2)].id
        cells = self.cells()
        for _ in range(4):
            try:
                seen = cells.read([id_])[id_]
                if seen.cell is not None and seen.cell.state is CellState.DONE:
                    leases.evict(cells, seen, FreeReason.CORRUPT)
                    return
            except HostError:
                return
            self.schedule.sleep(1.0)


@dataclass
class DrivenStorage:
    """The parts that the executor's steps use."""

    cells: object
    kept: object
    artifacts: object
    ledger: MemoryLedger
    name: str = "driven"


class Worker:
    """One run that wants one target."""

    def __init__(self, world: World, name: str, action: Action) -> None:
        self.world, self.name, self.action = world, name, action
        self.lost = False
        self.holds_slot = False
        storage = world.storage(name, action.id)
        self.owner = with_token(world.owner(name), f"token of {name}")
        self.cells = BeatingCells(storage.cells, self._told_lost)
        self.ports = Ports(BeatingStorage(storage, self.cells), self, world.schedule, Materials(), Who(name))  # type: ignore[arg-type]

    def work(self) -> None:
        try:
            self._work()
        except HostError:
            self.world.outcomes["gave up"] += 1
        self.died()

    def beat(self) -> None:
        while True:
            self.world.schedule.sleep(RHYTHM.heartbeat_s)
            self.cells.beat()

    def died(self) -> None:
        """The process ends, and its heartbeats with it."""
        self.world.schedule.kill(f"{self.name}-beats")
        self.world.left(self.name)
        self._execution_ended()

    def _work(self) -> None:
        waited = None
        while True:
            request = Request(self.action, Reason(ReasonCode.NEVER_BUILT), grant=Grant(1.0, 0), waited_flight=waited)
            found = advance(request, self.ports, self.owner, lambda _: LEAF, lambda _: "//:train")
            if isinstance(found, Runs):
                found = self._run(found.flight)
                self._execution_ended()
            match found:
                case Stands(result, outcome):
                    self.world.cells_history.reported(self.action.id, result)
                    self.world.outcomes[outcome.value] += 1
                    return
                case Fails():
                    self.world.outcomes["failed"] += 1
                    return
                case Waits(seen):
                    waited = seen.cell.flight
                    self.cells.wait([seen], 4.0)
                case NeedsSlot():
                    continue

    def _run(self, flight: Flight) -> Next:
        """The task: it pauses, longer than the silence after which a holder counts as gone."""
        schedule = self.world.schedule
        for _ in range(3):
            schedule.sleep(RHYTHM.silence_s / 2)
            if self.lost:
                return stop_superseded(flight, self.ports)
        ending = 0 if self.world.scenario.sure else schedule.pick(16)
        if ending == 15:
            state = JobState(JobPhase.FINISHED, FailureClass.TASK, "exit 1", exit_code=1)
            return give_up(flight, state, self.ports, None)
        if ending == 14:
            abandon(flight, self.ports)
            return Fails(flight.failure(JobState(JobPhase.FINISHED, FailureClass.CANCELLED)))
        output = self.world.output(self.name, schedule.pick(self.world.scenario.outputs))
        return conclude(flight, JobState(JobPhase.FINISHED, output=output), self.ports)

    def _told_lost(self, _: TargetId) -> None:
        self.lost = True

    # The runner's part

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("driven", frozenset(), Isolation())

    def start(self, jobs: list) -> list[Handle]:
        self.lost = False
        self.holds_slot = True
        self.world.executions += 1
        self.world.executing[self.action.id] += 1
        at_once = self.world.executing[self.action.id]
        demand(at_once == 1 or not self.world.scenario.timely, "I6: two executions at once, and nobody was silent")
        return [Handle(f"{job.flight}.{job.attempt}") for job in jobs]

    def stop(self, handles: object, grace_s: float) -> None:
        pass

    def find(self, flights: object) -> dict[str, Handle]:
        return {}

    def find_checkpoint(self, flight: str) -> None:
        return None

    def _execution_ended(self) -> None:
        if self.holds_slot:
            self.holds_slot = False
            self.world.executing[self.action.id] -= 1


class Materials:
    """Nothing is needed."""

    def provide(self, action: Action) -> None:
        pass

    def secrets(self, action: Action) -> dict[str, str]:
        return {}

    def explain(self, action: Action, state: JobState) -> None:
        return None


def with_token(owner: Owner, token: str) -> Owner:
    """The owner of one target of a run."""
    return Owner(token, owner.run, owner.user, owner.host, owner.boot_id, owner.pid, owner.pid_started, owner.since)


def numbers_of(seed: int, most: int = 220) -> list[int]:
    """The numbers of one random schedule."""
    random = Random(seed)
    return [random.randrange(4096) for _ in range(random.randrange(10, most))]


def play(scenario: Scenario, numbers: list[int]) -> World:
    """Play one schedule; an invariant that breaks is raised with the trace that led to it."""
    return played(World(scenario, numbers), numbers)


def played(world: World, numbers: list[int]) -> World:
    """Play a world; the numbers are told if an invariant breaks."""
    try:
        world.play()
    except AssertionError as error:
        trace = "\n  ".join(world.schedule.trace[-60:])
        raise BrokenPromiseError(f"{error}\nscenario: {world.scenario}\nnumbers: {numbers}\n  {trace}") from error
    return world
