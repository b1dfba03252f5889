"""The driver over the cells and artifacts of a local folder, on a real disk.

A turn is one call of the storage's: what happens inside is under its locks. No answer is lost there and no call
outlives its caller, so the faults are the order and death at any turn; and as the kernel tells who is dead, no two
may execute at once, however the schedule jumps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from driver import DrivenStorage, Hints, Scenario, Worker, World
from invariants import CellHistory, demand

from traintrack.action.cell import Cell, CellState, Owner, Result
from traintrack.action.job import Output
from traintrack.action.manifest import Manifest
from traintrack.digest import TargetId
from traintrack.ports.storage import Cells, Liveness, Seen
from traintrack.storages.local import LocalStorage, open_local
from traintrack.testing.schedule import Schedule


class ScheduledCells:
    """The folder's cells, with a turn before each call."""

    heartbeat_s: float | None = None

    def __init__(self, storage: LocalStorage, schedule: Schedule, history: CellHistory) -> None:
        self._storage, self._cells = storage, storage.cells
        self._schedule, self._history = schedule, history

    def read(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        self._schedule.turn("read", unclear=False)
        return self._cells.read(ids)

    def swap(self, seen: Seen, cell: Cell) -> Seen:
        self._schedule.turn("swap", unclear=False)
        before = self._cells.read([seen.id])[seen.id].cell
        now = self._cells.swap(seen, cell)
        self._history.changed(seen.id, before, cell, self._schedule.playing)
        if cell.state is CellState.DONE and cell.result is not None:
            demand(self._storage.artifacts.check(cell.result) is None, "I2: a result stands without its bytes")
        return now

    def liveness(self, owner: Owner) -> Liveness:
        return self._cells.liveness(owner)

    def wait(self, seen: Collection[Seen], timeout_s: float) -> None:
        self._schedule.sleep(timeout_s)


class ScheduledArtifacts:
    """The folder's artifacts, with turns around each publishing."""

    def __init__(self, storage: LocalStorage, schedule: Schedule) -> None:
        self._storage, self._schedule = storage, schedule

    def publish(self, output: Output) -> Result:
        self._schedule.turn("publish", unclear=False)
        result = self._storage.artifacts.publish(output)
        self._schedule.turn("published", unclear=False)
        return result

    def check(self, result: Result, subpath: str | None = None) -> str | None:
        return self._storage.artifacts.check(result) if result.record != "3" * 64 else None

    def fetch(self, result: Result, subpath: str | None = None) -> str | None:
        return self.check(result, subpath)

    def manifest(self, result: Result) -> Manifest:
        return self._storage.artifacts.manifest(result)

    def discard(self, output: Output) -> None:
        self._storage.artifacts.discard(output)


class FolderWorld(World):
    """One folder and all who use it. Each worker opens the store for itself, as a process of its own would."""

    def __init__(self, scenario: Scenario, numbers: list[int], root: Path) -> None:
        super().__init__(replace(scenario, timely=True), numbers)
        self._root = root
        self.cells_history = CellHistory()
        self._opened: dict[str, tuple[LocalStorage, Owner, ExitStack]] = {}
        self._stages = 0

    def cells(self) -> Cells:
        return ScheduledCells(open_local(self._root), self.schedule, self.cells_history)

    def owner(self, worker: str) -> Owner:
        return self._open(worker)[1]

    def storage(self, worker: str, me: TargetId) -> DrivenStorage:
        local = self._open(worker)[0]
        cells = ScheduledCells(local, self.schedule, self.cells_history)
        return DrivenStorage(cells, local.kept, ScheduledArtifacts(local, self.schedule), Hints(me))

    def output(self, worker: str, value: int) -> Output:
        staging = self._open(worker)[0].staging
        self._stages += 1
        root = staging.new_stage(f"{worker}.{self._stages}") / "out"
        root.mkdir()
        (root / "out.txt").write_bytes(f"output {value}".encode())
        return Output(str(root), staging.scan(root))

    def left(self, worker: str) -> None:
        opened = self._opened.get(worker)
        if opened is not None:
            opened[2].close()

    def _open(self, worker: str) -> tuple[LocalStorage, Owner, ExitStack]:
        if worker not in self._opened:
            storage, life = open_local(self._root), ExitStack()
            self._opened[worker] = (storage, life.enter_context(storage.present(worker)), life)
        return self._opened[worker]

    def _add(self, worker: Worker) -> None:
        self.schedule.add(worker.name, worker.work)
        self._workers[worker.name] = worker
        self.schedule.on_crash(lambda name: self._workers[name].died() if name in self._workers else None)
