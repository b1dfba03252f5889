"""A storage whose results are looked at before they stand: one that does not fit together is shown as taken away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, FreeReason, Owner, Result
from traintrack.action.record import Record
from traintrack.digest import TargetId
from traintrack.errors import IntegrityError
from traintrack.ports.storage import (
    CellConflictError,
    Cells,
    Liveness,
    RemembersDone,
    Seen,
    Storage,
)
from traintrack.ports.trust import Refusal
from traintrack.storages.through.further import further_parts
from traintrack.storages.through.named import NamedStorage
from traintrack.storages.trust.judge import judge_record
from traintrack.storages.trust.refusals import Refusals

LOOKERS: Final = 32
"""Results that are looked at at the same time: each takes a request or two where it was never seen before."""


Look: TypeAlias = Callable[[Result, Record], str | None]
"""Looks at what a result names beside its record: says in words what does not fit, None if all does."""


def no_further(_result: Result, _record: Record) -> None:
    """Leave it at the record: bytes are checked when they are read."""


class VettedCells:
    """The cells of a storage, of which each that is DONE was looked at.

    One that is refused is shown as FREE{corrupt}; who takes it takes what really stands there away first.
    """

    def __init__(self, storage: Storage, refusals: Refusals, look: Look = no_further) -> None:
        self._storage, self._inner = storage, storage.cells
        self._refusals, self._further = refusals, look
        self._guard = threading.Lock()
        self._known: dict[tuple[TargetId, str], str | None] = {}
        self._refused: dict[tuple[TargetId, str], Seen] = {}
        vars(self).update(further_parts(self._inner, dir(self)))

    @property
    def heartbeat_s(self) -> float | None:
        """As the storage says."""
        return self._inner.heartbeat_s

    def read(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Return every cell asked for.

        Raises:
            IntegrityError: a cell is damaged.
            HostError: a cell, or what it names, cannot be read.
        """
        return self._vetted(self._inner.read(ids))

    def remembered(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Return those cells that this machine has seen DONE, looked at all the same."""
        return self._vetted(self._inner.remembered(ids)) if isinstance(self._inner, RemembersDone) else {}

    def swap(self, seen: Seen, cell: Cell) -> Seen:
        """Replace what was `seen` by `cell`, or raise.

        Raises:
            CellConflictError: the cell is not as it was seen.
            HostError: the storage cannot be written.
        """
        with self._guard:
            refused = self._refused.get((seen.id, seen.version))
        try:
            if refused is not None and refused.cell is not None:
                seen = self._inner.swap(refused, change.evict(refused.cell, FreeReason.CORRUPT))
            return self._inner.swap(seen, cell)
        except CellConflictError as conflict:
            now = conflict.seen
            raise CellConflictError(self._vetted({now.id: now})[now.id]) from conflict

    def liveness(self, owner: Owner) -> Liveness:
        """Tell if a holder is still there."""
        return self._inner.liveness(owner)

    def wait(self, seen: Collection[Seen], timeout_s: float) -> None:
        """Return when one of the cells may have changed, at the latest after the time."""
        self._inner.wait(seen, timeout_s)

    def _vetted(self, cells: Mapping[TargetId, Seen]) -> dict[TargetId, Seen]:
        done = [seen for seen in cells.values() if seen.cell is not None and seen.cell.state is CellState.DONE]
        if len(done) > 1:
            with ThreadPoolExecutor(min(LOOKERS, len(done)), thread_name_prefix="traintrack-vet") as pool:
                return {**cells, **dict(zip((s.id for s in done), pool.map(self._shown, done), strict=True))}
        return {**cells, **{seen.id: self._shown(seen) for seen in done}}

    def _shown(self, seen: Seen) -> Seen:
        assert seen.cell is not None
        words = self._words(seen.id, seen.cell)
        if words is None:
            return seen
        self._refusals.add(Refusal(seen.id, self._storage.name, words))
        with self._guard:
            self._refused[seen.id, seen.version] = seen
        return Seen(seen.id, change.evict(seen.cell, FreeReason.CORRUPT), seen.version)

    def _words(self, id_: TargetId, cell: Cell) -> str | None:
        """What does not fit; looked at once for each write of a cell, as all that it names never changes."""
        key = (id_, cell.nonce)
        if key not in self._known:
            assert cell.result is not None
            words = self._look(id_, cell.result)
            with self._guard:
                self._known[key] = words
        return self._known[key]

    def _look(self, id_: TargetId, result: Result) -> str | None:
        try:
            record = judge_record(id_, result, self._storage.kept.get(result.record))
        except IntegrityError:
            return "its record has other bytes than its name says"
        return record if isinstance(record, str) else self._further(result, record)


class VettedStorage(NamedStorage):
    """A storage that refuses results that do not fit together, and says so. What else it can do, it does as it is."""

    def __init__(self, storage: Storage, refusals: Refusals, look: Look = no_further) -> None:
        super().__init__(storage, storage.name)
        self._refusals = refusals
        self._cells = VettedCells(storage, refusals, look)
        vars(self).update(further_parts(storage, dir(self)))

    @property
    def cells(self) -> Cells:
        """The cells, looked at."""
        return self._cells

    def refusal(self, id_: TargetId) -> Refusal | None:
        """What was refused of an ID."""
        return self._refusals.of(id_)

    def hear_refusals(self, tell: Callable[[str], None]) -> None:
        """Tell each refusal once."""
        self._refusals.hear(tell)
