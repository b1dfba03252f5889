"""Removes artifacts that no cell of a folder names, while nobody publishes (docs/explanation/protocol.md, "Collecting").

1. Free the cells that were chosen, and let that reach the disk: a cell that says DONE has its bytes, also after a
   power cut.
2. Hold `gc.lock` alone: no process of this machine has a cell HELD{publishing}, so that all that is named is named by a
   cell. Read all cells, and move what none of them names to the trash.
3. Let go, and remove what was moved at leisure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from traintrack.action.cell import Cell, CellState, FreeReason, Phase, evict
from traintrack.digest import ArtifactDigest, TargetId
from traintrack.errors import HostError
from traintrack.ports.collect import Collected, Loose, Terms
from traintrack.ports.storage import CellConflictError, Liveness, Seen
from traintrack.storages.local.artifacts import LocalArtifacts
from traintrack.storages.local.cell_file import read_cell
from traintrack.storages.local.cells import LocalCells
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.files import Files, read_file
from traintrack.storages.local.listing import digests_in, names_in
from traintrack.storages.local.locks import Mode, open_lock, try_lock
from traintrack.storages.local.places import Places
from traintrack.storages.local.removal import remove_tree

_PUSH_S = 5.0
"""So long the gate is kept shut at a time; in between publishers pass, so that a stopped one does not stop all."""
_PAUSE_S = 0.01


class LocalCollecting:
    """The collector of one folder; it looks at the cells of all namespaces, as they share the artifacts."""

    def __init__(self, places: Places, files: Files, cells: LocalCells, artifacts: LocalArtifacts) -> None:
        self._places, self._files, self._cells, self._artifacts = places, files, cells, artifacts

    def survey(self) -> tuple[Seen, ...]:
        """Read every cell of the namespace, sorted by ID.

        Raises:
            IntegrityError: one is damaged.
            HostError: the folder cannot be read.
        """
        with DiskErrors("read", self._places.cells):
            ids = [TargetId(name) for name in digests_in(self._places.cells)]
        return tuple(self._cells.read(ids).values())

    def loose(self) -> Loose:
        """Count the artifacts that no cell names.

        Raises:
            IntegrityError: a cell is damaged.
            HostError: the folder cannot be read.
        """
        with DiskErrors("read", self._places.root):
            found = self._unnamed(_named(self._all_cells()))
            return Loose(len(found), sum(_size_bytes(self._places.artifact(name)) for name in found))

    def collect(self, chosen: Collection[Seen], terms: Terms) -> Collected:
        """Free cells and remove what none names; see `Collecting`.

        Raises:
            GateError: more than `terms` allow would go; nothing was removed.
            IntegrityError: a cell cannot be read; nothing was removed.
            HostError: a publisher or another collector does not end, or the disk refuses.
        """
        with DiskErrors("collect in", self._places.root):
            self._demand_share(chosen, terms)
            evicted = self._let_go(chosen, terms.note)
            if evicted:
                self._files.settle()
            with self._alone(terms.fence_after_s):
                moved = [self._set_aside(name) for name in self._unnamed(_named(self._all_cells()))]
            freed = sum(remove_tree(path) for path in moved)
        spared = sorted({seen.id for seen in chosen} - set(evicted))
        return Collected(tuple(sorted(evicted)), tuple(spared), len(moved), freed)

    def _demand_share(self, chosen: Collection[Seen], terms: Terms) -> None:
        cells = dict(self._all_cells())
        done = sum(cell.state is CellState.DONE for cell in cells.values())
        terms.demand(len(chosen), done, "results")
        going = {(self._places.namespace, seen.id) for seen in chosen}
        named = _named((key, cell) for key, cell in cells.items() if key not in going)
        artifacts = list(digests_in(f"{self._places.root}/artifact"))
        terms.demand(sum(name not in named for name in artifacts), len(artifacts), "artifacts")

    def _let_go(self, chosen: Collection[Seen], note: str) -> list[TargetId]:
        read = {artifact for _, cell in self._all_cells() for artifact in cell.inputs}
        evicted = []
        for seen in chosen:
            cell = seen.cell
            if cell is None or cell.result is None or cell.result.artifact in read:
                continue
            try:
                self._cells.swap(seen, evict(cell, FreeReason.EVICTED, note))
            except CellConflictError:
                continue
            evicted.append(seen.id)
        return evicted

    @contextmanager
    def _alone(self, patience_s: float) -> Iterator[None]:
        """Keep publishers out, and begin when none is at work."""
        until = time.monotonic() + patience_s
        gate, lock = open_lock(self._places.collector_gate), open_lock(self._places.collector_lock)
        try:
            while not self._shut(gate, lock):
                os.close(lock)  # So is let go what was got.
                os.close(gate)
                gate, lock = -1, -1
                if time.monotonic() >= until:
                    raise self._busy()
                time.sleep(_PAUSE_S)
                gate, lock = open_lock(self._places.collector_gate), open_lock(self._places.collector_lock)
            yield
        finally:
            for fd in (lock, gate):
                if fd >= 0:
                    os.close(fd)

    def _shut(self, gate: int, lock: int) -> bool:
        """Get both locks, within a few seconds, and see that no cell is being published into."""
        until = time.monotonic() + _PUSH_S
        for fd in (gate, lock):
            while not try_lock(fd, Mode.ALONE):
                if time.monotonic() >= until:
                    return False
                time.sleep(_PAUSE_S)
        # A traintrack that does not hold the lock while it publishes (0.1) is told by its cells.
        return not any(self._publishes(cell) for _, cell in self._all_cells())

    def _publishes(self, cell: Cell) -> bool:
        if cell.phase is not Phase.PUBLISHING or cell.owner is None:
            return False
        return self._cells.liveness(cell.owner) is not Liveness.GONE

    def _busy(self) -> HostError:
        # Which of them stores something now is told by the lock alone, and that names nobody.
        owners = {cell.owner for _, cell in self._all_cells() if cell.owner is not None}
        living = [owner for owner in owners if self._cells.liveness(owner) is not Liveness.GONE]
        who = ", ".join(sorted({f"{o.user}@{o.host} (run {o.run}, process {o.pid})" for o in living}))
        return HostError(
            f"{who} does not end storing results" if who else "another collector, or a look for damage, is at work",
            code="collector-busy",
            hint="let it go on or end it, then run the same command again",
        )

    def _all_cells(self) -> Iterator[tuple[tuple[str, TargetId], Cell]]:
        for namespace in names_in(f"{self._places.root}/ns"):
            folder = f"{self._places.root}/ns/{namespace}/cell"
            for name in digests_in(folder):
                data = read_file(f"{folder}/{name[:2]}/{name}")
                if data:
                    yield (namespace, TargetId(name)), read_cell(data, TargetId(name))

    def _unnamed(self, named: Collection[str]) -> list[str]:
        return [name for name in digests_in(f"{self._places.root}/artifact") if name not in named]

    def _set_aside(self, artifact: str) -> str:
        moved = self._artifacts.set_aside(self._places.artifact(artifact))
        if os.path.lexists(self._places.layout(artifact)):
            os.unlink(self._places.layout(artifact))
        return moved


def _named(cells: Iterable[tuple[object, Cell]]) -> frozenset[ArtifactDigest]:
    """What cells stand for, and what their holders read: a run that is dead may be taken over."""
    named: set[ArtifactDigest] = set()
    for _, cell in cells:
        named.update(cell.inputs)
        if cell.result is not None:
            named.add(cell.result.artifact)
    return frozenset(named)


def _size_bytes(folder: str) -> int:
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(f"{here}/{name}").st_size
            except FileNotFoundError:
                continue  # Somebody else collects as well.
    return total
