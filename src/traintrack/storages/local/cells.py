"""Cells as files: compare-and-swap under a lock of the cell's shard, DONE durable before it is told."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence

from traintrack.action.cell import Cell, CellState, Owner, Phase
from traintrack.digest import TargetId
from traintrack.errors import InternalError
from traintrack.ports.storage import CellConflictError, Liveness, Seen, Want
from traintrack.storages.local.cell_file import cell_bytes, read_cell
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.files import Files, read_file
from traintrack.storages.local.locks import FileLock
from traintrack.storages.local.places import Places
from traintrack.storages.local.publishing import Publishing
from traintrack.storages.local.sessions import Sessions
from traintrack.storages.local.wants import LocalWants
from traintrack.storages.want_list import WantList

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.05


class LocalCells:
    """The cells of one namespace. The version of a cell is its nonce, as no two writes have the same."""

    heartbeat_s: float | None = None

    def __init__(self, places: Places, files: Files, sessions: Sessions, wants: WantList | None = None) -> None:
        self._wants = wants or WantList(LocalWants(places, sessions))
        self._places = places
        self._files = files
        self._sessions = sessions
        self._publishing = Publishing(places)

    def read(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Return every cell asked for. A rename replaces a cell at once, so reading needs no lock.

        Raises:
            IntegrityError: a cell is damaged.
            HostError: the folder cannot be read.
        """
        with DiskErrors("read", self._places.cells):
            seen = {id_: self._read(id_) for id_ in ids}
        self._wants.saw(seen.values())
        return seen

    def wants(self, id_: TargetId) -> tuple[Want, ...]:
        """Who waits for an ID; see `Wants`."""
        return self._wants.of(id_)

    def swap(self, seen: Seen, cell: Cell) -> Seen:
        """Replace what was `seen` by `cell`, or raise; DONE is durable when this returns.

        Raises:
            CellConflictError: the cell is not as it was seen.
            HostError: the folder cannot be written.
        """
        if not cell.nonce or cell.nonce == seen.version:
            raise InternalError("a cell is written twice under one nonce", code="cell-nonce")
        with DiskErrors("write", self._places.cell(seen.id)):
            if cell.state is CellState.DONE:
                return self._commit(seen, cell)
            return self._exchange(seen, cell, self._files.prepare(cell_bytes(cell, seen.id)))

    def commit_all(self, changes: Sequence[tuple[Seen, Cell]]) -> list[Seen | CellConflictError]:
        """Make many cells DONE with two rounds of syncing in all; a conflict stands in place of the cell.

        Raises:
            HostError: the folder cannot be written.
        """
        with DiskErrors("write", self._places.cells):
            prepared = [self._files.prepare(cell_bytes(cell, seen.id)) for seen, cell in changes]
            try:
                self._files.settle()
            except BaseException:
                for temporary in prepared:
                    self._files.drop(temporary)
                raise
            done: list[Seen | CellConflictError] = []
            for (seen, cell), temporary in zip(changes, prepared, strict=True):
                try:
                    done.append(self._exchange(seen, cell, temporary))
                except CellConflictError as conflict:
                    done.append(conflict)
            self._files.settle()
            return done

    def announce(self, seen: Seen) -> None:
        """Keep collectors away until the cell is written next: that HELD{publishing} does so is spared its write.

        Raises:
            CellConflictError: the cell is not as it was seen.
            HostError: the folder cannot be read.
        """
        with DiskErrors("read", self._places.cell(seen.id)):
            self._publishing.begin(seen.id)
            try:
                self._demand(seen)
            except BaseException:
                self._publishing.end(seen.id)
                raise

    def liveness(self, owner: Owner) -> Liveness:
        """Tell if a holder is still there, by the lock that it holds while it lives."""
        return self._sessions.liveness(owner)

    def wait(self, seen: Collection[Seen], timeout_s: float) -> None:
        """Return as soon as a cell was written or its holder is gone; looks every 5 ms at first, every 50 ms later.

        Who has waited in vain is told of by `wants`.
        """
        deadline = time.monotonic() + timeout_s
        before = {s.id: self._signature(s.id) for s in seen}
        # What changed between the caller's reading and the signatures is seen by reading once more.
        if any(self.read([s.id])[s.id].version != s.version for s in seen):
            return
        owners = {s.cell.owner for s in seen if s.cell is not None and s.cell.owner is not None}
        pause_s = _FIRST_PAUSE_S
        while (left_s := deadline - time.monotonic()) > 0:
            if any(self.liveness(owner) is Liveness.GONE for owner in owners):
                return
            time.sleep(min(pause_s, left_s))
            if any(self._signature(id_) != signature for id_, signature in before.items()):
                return
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
        self._wants.add(s.id for s in seen)

    def _commit(self, seen: Seen, cell: Cell) -> Seen:
        """Bytes before cell: the result and the new cell are on the disk before the rename can be."""
        self._demand(seen)
        temporary = self._files.prepare(cell_bytes(cell, seen.id))
        try:
            self._files.settle()
        except BaseException:
            self._files.drop(temporary)
            raise
        done = self._exchange(seen, cell, temporary)
        self._files.settle()
        return done

    def _exchange(self, seen: Seen, cell: Cell, temporary: str) -> Seen:
        try:
            if cell.phase is Phase.PUBLISHING:
                self._publishing.begin(seen.id)
            with FileLock(self._places.cell_lock(seen.id)):
                self._demand(seen)
                self._files.move(temporary, self._places.cell(seen.id))
        except BaseException as error:
            self._files.drop(temporary)
            if not (isinstance(error, CellConflictError) and _publishes_still(error.seen, seen)):
                self._publishing.end(seen.id)
            raise
        if cell.phase is not Phase.PUBLISHING:
            self._publishing.end(seen.id)
        return Seen(seen.id, cell, cell.nonce)

    def _demand(self, seen: Seen) -> None:
        now = self._read(seen.id)
        if now.version != seen.version:
            raise CellConflictError(now)

    def _read(self, id_: TargetId) -> Seen:
        data = read_file(self._places.cell(id_))
        if not data:
            # An empty file is what a power cut leaves of a cell that was not on the disk yet; DONE always is. Nobody
            # from before the cut is alive, so that the epoch which is lost with it fences nobody.
            return Seen(id_, None, "")
        cell = read_cell(data, id_)
        return Seen(id_, cell, cell.nonce)

    def _signature(self, id_: TargetId) -> tuple[int, int]:
        try:
            there = os.stat(self._places.cell(id_))
        except FileNotFoundError:
            return (0, 0)
        return (there.st_ino, there.st_mtime_ns)


def _publishes_still(now: Seen, before: Seen) -> bool:
    """Tell if a conflict is with one's own later write of the same hold, under which publishing goes on."""
    if now.cell is None or before.cell is None or now.cell.phase is not Phase.PUBLISHING:
        return False
    return now.cell.owner == before.cell.owner
