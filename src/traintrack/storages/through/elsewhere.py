"""Looks into the storages that are read through, in their order, and forgets nothing that it need not ask again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.cell import CellState, Result
from traintrack.digest import TargetId
from traintrack.errors import IntegrityError
from traintrack.ports.storage import Liveness, RemembersDone, Seen, Storage
from traintrack.storages.through.reach import Reach

HOLDS_S: Final = 1.0
"""So long "held" of a storage across a network is believed, which waiters ask for all the time."""

T = TypeVar("T")


class Found(Struct, frozen=True):
    """A cell that is DONE or HELD in another storage, and which one that is."""

    seen: Seen
    storage: Storage
    reach: Reach

    @property
    def result(self) -> Result | None:
        """Its result as it stands for who reads it through: with its home."""
        result = self.seen.cell.result if self.seen.cell else None
        return replace(result, home=result.home or self.storage.name) if result else None

    @property
    def is_held(self) -> bool:
        """Tell if somebody is making it there."""
        return self.seen.cell is not None and self.seen.cell.state is CellState.HELD


class Elsewhere:
    """The storages that are read through. Safe between threads."""

    def __init__(self, reaches: Sequence[Reach], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reaches, self._monotonic = tuple(reaches), monotonic
        self._guard = threading.Lock()
        self._noted: dict[tuple[str, TargetId], tuple[float, Seen]] = {}

    def look_up(self, ids: Collection[TargetId]) -> dict[TargetId, Found]:
        """Return what is DONE anywhere, else what is HELD by one who lives; one batch for each storage."""
        done: dict[TargetId, Found] = {}
        held: dict[TargetId, Found] = {}
        for reach in self._reaches:
            for storage in reach.storages():
                left = [id_ for id_ in ids if id_ not in done]
                for id_, seen in self._cells(reach, storage, left).items() if left else ():
                    found = Found(seen, storage, reach)
                    if found.is_held:
                        held.setdefault(id_, found)
                    elif self._knows_home(found):
                        done[id_] = found
        return held | done

    def home(self, name: str) -> tuple[Reach, Storage] | None:
        """The storage of that name, None if it is not read through any more or out of reach."""
        for reach in self._reaches:
            for storage in reach.storages():
                if storage.name == name:
                    return reach, storage
        return None

    def first(self, question: Callable[[Storage], T | None]) -> T | None:
        """Return the first answer that one of the storages has."""
        for reach in self._reaches:
            for storage in reach.storages():
                answer = reach.ask(lambda storage=storage: question(storage))  # type: ignore[misc]
                if answer is not None:
                    return answer
        return None

    def opened(self) -> list[Storage]:
        """The storages that somebody has asked for something."""
        return [storage for reach in self._reaches for storage in reach.opened()]

    def is_lost(self, name: str) -> bool:
        """Tell if some storage is out of reach, so that one that is not known may be it."""
        return any(reach.is_lost for reach in self._reaches) and all(s.name != name for s in self.opened())

    def _cells(self, reach: Reach, storage: Storage, ids: Sequence[TargetId]) -> dict[TargetId, Seen]:
        """The cells that are DONE, or HELD by one who is not known to be gone."""
        noted = self._noted_of(storage, ids)
        asked = [id_ for id_ in ids if id_ not in noted]
        known = reach.ask(lambda: _remembered(storage, asked)) or {}
        unknown = [id_ for id_ in asked if id_ not in known]
        seen = {**noted, **known, **(reach.ask(lambda: _read(storage, unknown)) or {})}
        useful = {id_: s for id_, s in self._settled(reach, storage, seen).items() if _is_useful(s)}
        if storage.cells.heartbeat_s is not None:
            self._note(storage, {id_: useful[id_] for id_ in asked if id_ in useful})
        return useful

    def _settled(self, reach: Reach, storage: Storage, seen: Mapping[TargetId, Seen]) -> dict[TargetId, Seen]:
        """The cells without those of dead holders. One who is gone may have committed since his cell was read.

        So it is read again: only if it is as it was then, nothing came of it.
        """
        settled, open_ = dict(seen), dict(seen)
        while gone := {id_: s for id_, s in open_.items() if self._has_left(reach, storage, s)}:
            again = reach.ask(lambda: _read(storage, list(gone))) or {}
            open_ = {id_: s for id_, s in again.items() if s.version != gone[id_].version}
            settled = {id_: s for id_, s in settled.items() if id_ not in gone} | open_
        return settled

    def _has_left(self, reach: Reach, storage: Storage, seen: Seen) -> bool:
        owner = seen.cell.owner if seen.cell is not None and seen.cell.state is CellState.HELD else None
        return owner is not None and reach.ask(lambda: storage.cells.liveness(owner)) in (None, Liveness.GONE)

    def _knows_home(self, found: Found) -> bool:
        """Tell if the bytes can be had: what another has itself brought in lies where this one may not look."""
        home = found.seen.cell.result.home if found.seen.cell and found.seen.cell.result else ""
        return not home or home == found.storage.name or self.home(home) is not None

    def _noted_of(self, storage: Storage, ids: Collection[TargetId]) -> dict[TargetId, Seen]:
        latest = self._monotonic() - HOLDS_S
        with self._guard:
            found = {id_: self._noted.get((storage.name, id_)) for id_ in ids} if self._noted else {}
        return {id_: note[1] for id_, note in found.items() if note is not None and note[0] > latest}

    def _note(self, storage: Storage, found: Mapping[TargetId, Seen]) -> None:
        now = self._monotonic()
        with self._guard:
            for id_, seen in found.items():
                self._noted[storage.name, id_] = (now, seen)


def _is_useful(seen: Seen) -> bool:
    """Tell if a cell has a result or a holder."""
    if seen.cell is None or seen.cell.state is CellState.FREE:
        return False
    return seen.cell.result is not None or seen.cell.state is CellState.HELD


def _remembered(storage: Storage, ids: Sequence[TargetId]) -> dict[TargetId, Seen]:
    """The cells that this machine knows to be DONE; one that is not any more is found missing when it is fetched."""
    return dict(storage.cells.remembered(ids)) if ids and isinstance(storage.cells, RemembersDone) else {}


def _read(storage: Storage, ids: Sequence[TargetId]) -> dict[TargetId, Seen]:
    """Read cells; those that are damaged are left out."""
    try:
        return dict(storage.cells.read(ids)) if ids else {}
    except IntegrityError:
        if len(ids) == 1:
            return {}
    return {id_: seen for one in ids for id_, seen in _read(storage, [one]).items()}
