"""Wants in a folder: a file `want/<target ID>/<run>` of the namespace. Of a run that died waiting nobody is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from traintrack.digest import TargetId
from traintrack.errors import HostError
from traintrack.storages.local.files import read_file
from traintrack.storages.local.places import Places
from traintrack.storages.local.sessions import Sessions


class LocalWants:
    """The wants of one namespace; see `WantPlace`."""

    def __init__(self, places: Places, sessions: Sessions) -> None:
        self._places, self._sessions = places, sessions

    def put(self, id_: TargetId, run: str, data: bytes) -> None:
        """Write a file."""
        with suppress(OSError):
            os.makedirs(self._places.wants(id_), exist_ok=True)
            with open(f"{self._places.wants(id_)}/{run}", "wb") as file:
                file.write(data)

    def remove(self, id_: TargetId, run: str) -> None:
        """Remove a file, and the folder if it was the last one."""
        with suppress(OSError):
            os.unlink(f"{self._places.wants(id_)}/{run}")
            os.rmdir(self._places.wants(id_))

    def read(self, id_: TargetId) -> Iterator[bytes]:
        """Yield what the living say; what the dead have left is removed."""
        try:
            runs = sorted(os.listdir(self._places.wants(id_)))
        except OSError:
            return
        for run in runs:
            with suppress(OSError, HostError):
                if self._sessions.is_alive(run):
                    yield read_file(f"{self._places.wants(id_)}/{run}") or b""
                else:
                    os.unlink(f"{self._places.wants(id_)}/{run}")
