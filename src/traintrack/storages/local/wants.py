"""Who waits for what another run holds, so that its holder can say so. Nothing here decides anything.

A want is a file `want/<target ID>/<run>` of the namespace. Of a run that died waiting nobody is told.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from traintrack.action.cell import CellState, Owner
from traintrack.action.stored import decode_stored
from traintrack.digest import TargetId
from traintrack.errors import HostError
from traintrack.ports.storage import Seen, Want
from traintrack.storages.local.files import read_file
from traintrack.storages.local.places import Places
from traintrack.storages.local.sessions import Sessions


class LocalWants:
    """The wants of one namespace, and those of this process. Safe between threads."""

    def __init__(self, places: Places, sessions: Sessions) -> None:
        self._places, self._sessions = places, sessions
        self._guard = threading.Lock()
        self._owners: list[Owner] = []
        self._mine: dict[TargetId, str] = {}

    def begin(self, owner: Owner) -> None:
        """From now on this owner is the one who waits."""
        self._owners.append(owner)

    def end(self, owner: Owner) -> None:
        """The owner leaves: remove all it waited for."""
        self._owners.remove(owner)
        self._remove([id_ for id_, path in tuple(self._mine.items()) if path.endswith(f"/{owner.run}")])

    def add(self, ids: Iterable[TargetId]) -> None:
        """Say that the owner waits for these, once each. A disk that refuses is no reason to end anything."""
        if not self._owners:
            return
        owner = self._owners[-1]
        data = msgspec.json.encode(Want(owner.run, owner.user, owner.host, owner.since))
        for id_ in ids:
            path = f"{self._places.wants(id_)}/{owner.run}"
            with self._guard:
                if id_ in self._mine:
                    continue
                self._mine[id_] = path
            with suppress(OSError):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(data)

    def saw(self, seen: Iterable[Seen]) -> None:
        """Take in how cells stand: what no other holds any more is waited for no longer."""
        if not self._mine:
            return
        for one in seen:
            path = self._mine.get(one.id)
            if path is None:
                continue
            owner = one.cell.owner if one.cell is not None and one.cell.state is CellState.HELD else None
            if owner is None or path.endswith(f"/{owner.run}"):
                self._remove([one.id])

    def of(self, id_: TargetId) -> tuple[Want, ...]:
        """Who waits for an ID and lives, by the names of their runs."""
        folder = self._places.wants(id_)
        try:
            runs = sorted(os.listdir(folder))
        except OSError:
            return ()
        found = []
        for run in runs:
            with suppress(OSError, HostError, msgspec.MsgspecError):
                if self._sessions.is_alive(run):
                    found.append(decode_stored(read_file(f"{folder}/{run}") or b"", Want))
                else:
                    os.unlink(f"{folder}/{run}")
        return tuple(found)

    def _remove(self, ids: Iterable[TargetId]) -> None:
        for id_ in ids:
            with self._guard:
                path = self._mine.pop(id_, None)
            if path is not None:
                with suppress(OSError):
                    os.unlink(path)
                    os.rmdir(os.path.dirname(path))
