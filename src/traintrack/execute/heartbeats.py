"""Shows that this run lives, to a storage that cannot see it otherwise: every held cell is written anew at intervals.

`BeatingCells` stands before the storage's cells and learns from the writes that pass which cells are held. So nobody
has to say when a hold begins and ends, and a hold that is lost by any road is beaten no longer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, Owner, Phase
from traintrack.digest import TargetId
from traintrack.errors import TraintrackError
from traintrack.ports.storage import Artifacts, CellConflictError, Cells, Kept, Ledger, Liveness, Seen, Storage

SPREAD = 0.2


class BeatingCells:
    """The cells of a storage, and the heartbeats of those that were taken through it. Safe between threads.

    `lost` is told the ID of a cell that a beat found in other hands, on the beating thread; also of one that this
    run let go at that moment.
    """

    def __init__(self, cells: Cells, lost: Callable[[TargetId], None]) -> None:
        self._cells, self._lost = cells, lost
        self._guard = threading.Lock()
        self._held: dict[TargetId, Seen] = {}
        self._progress: dict[TargetId, str] = {}

    @property
    def heartbeat_s(self) -> float | None:
        """As the storage says."""
        return self._cells.heartbeat_s

    def drop(self, id_: TargetId) -> None:
        """Beat no more for a cell that could not be let go: silence frees it."""
        with self._guard:
            self._held.pop(id_, None)
            self._progress.pop(id_, None)

    def read(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Read cells."""
        return self._cells.read(ids)

    def swap(self, seen: Seen, cell: Cell) -> Seen:
        """Replace a cell, and remember it while this run holds it."""
        try:
            now = self._cells.swap(seen, cell)
        except CellConflictError as conflict:
            self._note(conflict.seen)
            raise
        self._note(now, mine=True)
        return now

    def liveness(self, owner: Owner) -> Liveness:
        """Tell what is known of a holder."""
        return self._cells.liveness(owner)

    def wait(self, seen: Collection[Seen], timeout_s: float) -> None:
        """Wait for a change."""
        self._cells.wait(seen, timeout_s)

    def tell(self, id_: TargetId, progress: str) -> None:
        """Let the next beat of an ID say how far its task is; nothing is written now."""
        with self._guard:
            if id_ in self._held:
                self._progress[id_] = progress

    def beat(self) -> None:
        """Write each held cell once. Trouble with the storage is no reason to stop: what is held may still be committed."""
        with self._guard:
            held = tuple(self._held.values())
        for seen in held:
            try:
                self._beat(seen)
            except TraintrackError:
                continue

    def _beat(self, seen: Seen) -> None:
        if seen.cell is None:
            return
        running = seen.cell.phase is Phase.RUNNING
        try:
            now = self._cells.swap(seen, change.beat(seen.cell, self._progress.get(seen.id) if running else None))
        except CellConflictError as conflict:
            now = conflict.seen
        with self._guard:
            if self._held.get(seen.id) is not seen:
                return  # The run has written the cell meanwhile, and knows better how it stands.
            if _holds(now, seen):
                self._held[seen.id] = now
                return
            del self._held[seen.id]
            self._progress.pop(seen.id, None)
        self._lost(seen.id)

    def _note(self, now: Seen, *, mine: bool = False) -> None:
        with self._guard:
            before = self._held.get(now.id)
            if mine:
                # Another attempt or phase: what the last one said of itself is over.
                self._progress.pop(now.id, None)
            if now.cell is None or now.cell.state is not CellState.HELD:
                self._held.pop(now.id, None)
            elif mine or (before is not None and _holds(now, before)):
                self._held[now.id] = now
            else:
                self._held.pop(now.id, None)


class BeatingStorage:
    """A storage whose cells beat."""

    def __init__(self, storage: Storage, cells: BeatingCells) -> None:
        self._storage = storage
        self.cells = cells

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self._storage.name

    @property
    def kept(self) -> Kept:
        """What is kept for ever."""
        return self._storage.kept

    @property
    def artifacts(self) -> Artifacts:
        """The bytes."""
        return self._storage.artifacts

    @property
    def ledger(self) -> Ledger:
        """Hints, history, logs."""
        return self._storage.ledger

    def present(self, run: str) -> AbstractContextManager[Owner]:
        """Show that a run lives."""
        return self._storage.present(run)


class Heartbeats:
    """The thread that beats, each interval ± 20 %, so that many runs do not write at once."""

    def __init__(self, cells: BeatingCells, heartbeat_s: float) -> None:
        self._cells, self._heartbeat_s = cells, heartbeat_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traintrack-beats", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def tell(self, id_: TargetId, progress: str) -> None:
        """Let the next beat of an ID say how far its task is."""
        self._cells.tell(id_, progress)

    def drop(self, id_: TargetId) -> None:
        """Beat no more for a cell that could not be let go."""
        self._cells.drop(id_)

    def close(self) -> None:
        """Beat no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._heartbeat_s * random.uniform(1 - SPREAD, 1 + SPREAD)):  # noqa: S311
            self._cells.beat()


def beating(storage: Storage, lost: Callable[[TargetId], None]) -> tuple[Storage, Heartbeats | None]:
    """Return the storage for a run to work with, and its heartbeats; both as they are where none are needed."""
    heartbeat_s = storage.cells.heartbeat_s
    if heartbeat_s is None:
        return storage, None
    cells = BeatingCells(storage.cells, lost)
    return BeatingStorage(storage, cells), Heartbeats(cells, heartbeat_s)


def _holds(now: Seen, before: Seen) -> bool:
    """Tell if a cell still is in the hands of who wrote it."""
    if now.cell is None or now.cell.state is not CellState.HELD or now.cell.owner is None:
        return False
    return before.cell is not None and before.cell.owner is not None and now.cell.owner.token == before.cell.owner.token
