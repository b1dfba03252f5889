"""Cells that show what stands or is made elsewhere where there is nothing here; only the own ones are ever written."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from typing import Final

from traintrack.action.cell import Cell, CellState, FreeReason, Owner
from traintrack.digest import TargetId
from traintrack.ports.storage import CellConflictError, Liveness, Seen, Storage
from traintrack.ports.through import Sharing
from traintrack.storages.through.bring_in import Wanted, bring_in, may_take
from traintrack.storages.through.elsewhere import Elsewhere, Found
from traintrack.storages.through.further import further_parts

_ELSEWHERE: Final = "elsewhere:"
_TAKEN_AWAY = frozenset({FreeReason.CORRUPT, FreeReason.SUPERSEDED, FreeReason.EVICTED})
_SLICE_S: Final = 0.25


class ThroughCells:
    """The cells of `own`, and through them those of other storages.

    What is DONE elsewhere is shown as DONE with a home, and made to stand here as soon as a run is present. What is
    HELD elsewhere by one who lives is shown as it is there, to be waited for. For an own result nobody is asked. What
    else the own cells can do, such as commits in groups, they do.
    """

    def __init__(self, own: Storage, elsewhere: Elsewhere) -> None:
        self._own, self._elsewhere = own, elsewhere
        self._guard = threading.Lock()
        self._owner: Owner | None = None
        self._sharing = Sharing.WAIT
        self._refused: set[TargetId] = set()
        self._shown: dict[TargetId, Found] = {}
        self._holders: dict[tuple[str, str], Found] = {}
        vars(self).update(further_parts(own.cells, dir(self)))

    @property
    def heartbeat_s(self) -> float | None:
        """As the own storage says: only there this run holds anything."""
        return self._own.cells.heartbeat_s

    def attend(self, sharing: Sharing) -> None:
        """Wait for what others hold, or not."""
        self._sharing = sharing

    def begin(self, owner: Owner) -> None:
        """Bring in from now on what is found, first what was shown already."""
        with self._guard:
            self._owner = owner
            shown = [id_ for id_, found in self._shown.items() if not found.is_held and id_ not in self._refused]
        if shown:
            seen = self._own.cells.read(shown)
            open_ = {id_: seen[id_] for id_ in shown if self._is_open(seen[id_])}
            bring_in(self._own, owner, [Wanted(s, self._shown[id_]) for id_, s in open_.items()])

    def end(self) -> None:
        """Only show again what is found."""
        with self._guard:
            self._owner = None

    def read(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Return every cell asked for; those without a result here are looked up elsewhere, in one batch each.

        Raises:
            IntegrityError: an own cell is damaged.
            HostError: the own storage cannot be read, or not be written.
        """
        seen = dict(self._own.cells.read(ids))
        open_ = [id_ for id_, s in seen.items() if self._is_open(s)]
        if not open_:
            return seen
        found = self._elsewhere.look_up(open_)
        done = {id_: f for id_, f in found.items() if not f.is_held}
        owner = self._note(found)
        if owner is None:
            return seen | {id_: self._show(f) for id_, f in done.items()} | self._held(found)
        if done:
            bring_in(self._own, owner, [Wanted(seen[id_], f) for id_, f in done.items()])
            seen |= self._own.cells.read(tuple(done))
        return seen | self._held(found)

    def swap(self, seen: Seen, cell: Cell) -> Seen:
        """Replace an own cell; what is shown of another storage is never written, and conflicts with how it is here.

        Raises:
            CellConflictError: the cell is not as it was seen.
            HostError: the own storage cannot be written.
        """
        if cell.state is CellState.FREE and cell.free in _TAKEN_AWAY:
            with self._guard:
                # What this run takes away it makes again: the same would come back from there.
                self._refused.add(seen.id)
        if seen.version.startswith(_ELSEWHERE):
            raise CellConflictError(self._own.cells.read((seen.id,))[seen.id])
        return self._own.cells.swap(seen, cell)

    def liveness(self, owner: Owner) -> Liveness:
        """Tell what is known of a holder, here or where its cell was found; who is out of reach is gone for us."""
        found = self._holders.get((owner.token, owner.run))
        if found is None:
            return self._own.cells.liveness(owner)
        return found.reach.ask(lambda: found.storage.cells.liveness(owner)) or Liveness.GONE

    def wait(self, seen: Collection[Seen], timeout_s: float) -> None:
        """Return when one of the cells may have changed, here or elsewhere, at the latest after the time.

        Storages across a network are not asked for it: `read` looks at them as often as their holders may beat.
        """
        groups = self._by_storage(seen)
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            share_s = min(left_s, _SLICE_S) / max(1, len(groups))
            for storage, group in groups:
                began = time.monotonic()
                storage.cells.wait(group, share_s)
                if time.monotonic() - began < share_s * 0.9:
                    return
            if not groups:
                time.sleep(min(left_s, _SLICE_S))

    def _is_open(self, seen: Seen) -> bool:
        return seen.id not in self._refused and may_take(self._own, seen)

    def _note(self, found: Mapping[TargetId, Found]) -> Owner | None:
        with self._guard:
            self._shown |= found
            for one in found.values():
                owner = one.seen.cell.owner if one.seen.cell else None
                if owner is not None:
                    self._holders[owner.token, owner.run] = one
            return self._owner

    def _held(self, found: Mapping[TargetId, Found]) -> dict[TargetId, Seen]:
        if self._sharing is Sharing.ALONE:
            return {}
        return {id_: Seen(id_, f.seen.cell, _version(f)) for id_, f in found.items() if f.is_held}

    def _show(self, found: Found) -> Seen:
        there = found.seen.cell
        assert there is not None
        cell = Cell(CellState.DONE, there.epoch, there.nonce, result=found.result)
        return Seen(found.seen.id, cell, _version(found))

    def _by_storage(self, seen: Collection[Seen]) -> list[tuple[Storage, list[Seen]]]:
        groups: dict[str, tuple[Storage, list[Seen]]] = {}
        for one in seen:
            found = self._shown.get(one.id)
            if not one.version.startswith(_ELSEWHERE):
                groups.setdefault("", (self._own, []))[1].append(one)
            elif found is not None and found.storage.cells.heartbeat_s is None and not found.reach.is_lost:
                groups.setdefault(found.storage.name, (found.storage, []))[1].append(found.seen)
        return list(groups.values())


def _version(found: Found) -> str:
    return f"{_ELSEWHERE}{found.storage.name}:{found.seen.version}"
