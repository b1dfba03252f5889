"""Where outputs come into being, on the file system of the store, and what is left of those whose maker died."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from traintrack.action.manifest import Manifest
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.places import Places, checked, is_name
from traintrack.storages.local.scan import scan_output
from traintrack.storages.local.sessions import Sessions


class LocalStaging:
    """Makes stages `stage/<name>~<session>` and reads what tasks leave in them."""

    def __init__(self, places: Places, sessions: Sessions) -> None:
        self._places = places
        self._sessions = sessions

    def new_stage(self, name: str) -> Path:
        """Make and return a fresh empty folder; it belongs to this process's run.

        Raises:
            HostError: it cannot be made.
        """
        path = f"{self._places.stage}/{checked(name)}~{self._sessions.mine()}"
        with DiskErrors("make a folder for the attempt at", path):
            return Path(_made(path))

    def rename_stage(self, stage: str, name: str) -> str | None:
        """Give a stage another name and return where it is now; None unless it belongs to this process's run."""
        session = self._sessions.mine()
        if _session_of(os.path.basename(stage)) != session:
            # The sweep may be removing it at this moment.
            return None
        path = f"{self._places.stage}/{checked(name)}~{session}"
        try:
            os.rename(stage, path)
        except OSError:
            return None
        return path

    def scan(self, path: Path) -> Manifest:
        """List and hash what a task left.

        Raises:
            TaskError: something in it cannot be part of an artifact; code `output-refused`.
            HostError: the folder cannot be read.
        """
        with DiskErrors("read the output in", path):
            return scan_output(os.fspath(path))

    def stale_stages(self) -> tuple[Path, ...]:
        """Stages whose session is dead, sorted; other things in the folder are not ours to judge."""
        alive: dict[str, bool] = {}
        stale = []
        with DiskErrors("read", self._places.stage):
            for name in _names(self._places.stage):
                session = _session_of(name)
                if "~" not in name or not is_name(session):
                    continue
                if session not in alive:
                    alive[session] = self._sessions.is_alive(session)
                if not alive[session]:
                    stale.append(Path(self._places.stage, name))
        return tuple(sorted(stale))


def _session_of(name: str) -> str:
    return name.rpartition("~")[2].partition("!")[0]


def _made(path: str) -> str:
    try:
        os.mkdir(path, 0o755)
    except FileNotFoundError:
        os.makedirs(path)
    except FileExistsError:
        # The same attempt twice in one session: the older stage is left to whoever still uses it.
        path = f"{path}!{secrets.token_hex(4)}"
        os.mkdir(path, 0o755)
    return path


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
