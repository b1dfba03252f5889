"""Who waits for what another run holds, so that its holder can say so. Nothing here decides anything."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Protocol

import msgspec

from traintrack.action.cell import CellState, Owner
from traintrack.action.stored import decode_stored
from traintrack.digest import TargetId
from traintrack.ports.storage import Seen, Want


class WantPlace(Protocol):
    """Where a storage keeps wants, one for each ID and run. Trouble is no error: a list that is a little wrong costs nothing."""

    def put(self, id_: TargetId, run: str, data: bytes) -> None:
        """Write a want."""

    def remove(self, id_: TargetId, run: str) -> None:
        """Remove a want; one that is not there is no matter."""

    def read(self, id_: TargetId) -> Iterator[bytes]:
        """Yield the wants of an ID, by the names of their runs; those of runs that are known to be dead are left out."""


class WantList:
    """The want list of one namespace, and what this process has put there. Safe between threads."""

    def __init__(self, place: WantPlace) -> None:
        self._place = place
        self._guard = threading.Lock()
        self._owners: list[Owner] = []
        self._mine: dict[TargetId, str] = {}

    def begin(self, owner: Owner) -> None:
        """From now on this owner is the one who waits."""
        self._owners.append(owner)

    def end(self, owner: Owner) -> None:
        """The owner leaves: remove all it waited for."""
        self._owners.remove(owner)
        for id_, run in tuple(self._mine.items()):
            if run == owner.run:
                self._remove(id_)

    def add(self, ids: Iterable[TargetId]) -> None:
        """Say that the owner waits for these, once each."""
        if not self._owners:
            return
        owner = self._owners[-1]
        data = msgspec.json.encode(Want(owner.run, owner.user, owner.host, owner.since))
        for id_ in ids:
            with self._guard:
                if id_ in self._mine:
                    continue
                self._mine[id_] = owner.run
            self._place.put(id_, owner.run, data)

    def saw(self, seen: Iterable[Seen]) -> None:
        """Take in how cells stand: what no other holds any more is waited for no longer."""
        if not self._mine:
            return
        for one in seen:
            run = self._mine.get(one.id)
            owner = one.cell.owner if one.cell is not None and one.cell.state is CellState.HELD else None
            if run is not None and (owner is None or owner.run == run):
                self._remove(one.id)

    def of(self, id_: TargetId) -> tuple[Want, ...]:
        """Who waits for an ID."""
        found = []
        for data in self._place.read(id_):
            with suppress(msgspec.MsgspecError):
                found.append(decode_stored(data, Want))
        return tuple(found)

    def _remove(self, id_: TargetId) -> None:
        with self._guard:
            run = self._mine.pop(id_, None)
        if run is not None:
            self._place.remove(id_, run)
