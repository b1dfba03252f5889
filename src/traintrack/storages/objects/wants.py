"""Who waits for what another run holds, so that its holder can say so. Nothing here decides anything."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from traintrack.action.cell import CellState, Owner
from traintrack.action.stored import decode_stored
from traintrack.digest import TargetId
from traintrack.errors import HostError
from traintrack.ports.objects import Objects, UnknownOutcomeError
from traintrack.ports.storage import Seen, Want
from traintrack.storages.objects.keys import Keys


class WantList:
    """The want list of one namespace, and what this process has put there. Safe between threads.

    One request each, never repeated: a list that is a little wrong costs nothing.
    """

    def __init__(self, objects: Objects, keys: Keys) -> None:
        self._objects, self._keys = objects, keys
        self._guard = threading.Lock()
        self._owners: list[Owner] = []
        self._mine: dict[TargetId, str] = {}

    def begin(self, owner: Owner) -> None:
        """From now on this owner is the one who waits."""
        self._owners.append(owner)

    def end(self, owner: Owner) -> None:
        """The owner leaves: remove all it waited for."""
        self._owners.remove(owner)
        self._remove([id_ for id_, key in self._mine.items() if key.endswith(f"/{owner.run}")])

    def add(self, ids: Iterable[TargetId]) -> None:
        """Say that the owner waits for these, once each."""
        if not self._owners:
            return
        owner = self._owners[-1]
        data = msgspec.json.encode(Want(owner.run, owner.user, owner.host, owner.since))
        for id_ in ids:
            key = f"{self._keys.wants(id_)}{owner.run}"
            with self._guard:
                if id_ in self._mine:
                    continue
                self._mine[id_] = key
            with suppress(UnknownOutcomeError, HostError):
                self._objects.put(key, data)

    def saw(self, seen: Seen) -> None:
        """Take in how a cell stands: what no other holds any more is waited for no longer."""
        key = self._mine.get(seen.id)
        if key is None:
            return
        owner = seen.cell.owner if seen.cell is not None and seen.cell.state is CellState.HELD else None
        if owner is None or key.endswith(f"/{owner.run}"):
            self._remove([seen.id])

    def of(self, id_: TargetId) -> tuple[Want, ...]:
        """Who waits for an ID, by the names of their runs."""
        found = []
        try:
            for key in self._objects.list(self._keys.wants(id_)):
                got = self._objects.get(key)
                if got is not None:
                    found.append(decode_stored(got.data, Want))
        except (UnknownOutcomeError, HostError, msgspec.MsgspecError):
            return tuple(found)
        return tuple(found)

    def _remove(self, ids: Iterable[TargetId]) -> None:
        for id_ in ids:
            with self._guard:
                key = self._mine.pop(id_, None)
            if key is not None:
                with suppress(UnknownOutcomeError, HostError):
                    self._objects.delete(key)
