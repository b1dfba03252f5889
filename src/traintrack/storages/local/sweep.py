"""Removes what the dead have left: their stages, half-written files and session files, and the trash."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from msgspec import Struct

from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.places import Places
from traintrack.storages.local.removal import remove_tree
from traintrack.storages.local.sessions import Sessions
from traintrack.storages.local.staging import LocalStaging


class Swept(Struct, frozen=True):
    """What a sweep removed: names of stages, sorted; numbers of half-written files, sessions and things in the trash."""

    stages: tuple[str, ...]
    files: int
    sessions: int
    trash: int
    freed_bytes: int


def sweep(places: Places, sessions: Sessions, staging: LocalStaging, keep: Collection[Path] = ()) -> Swept:
    """Remove what belongs to dead sessions, but the stages in `keep`.

    Nothing that a living process made is touched, so this may run beside others.

    Raises:
        HostError: something cannot be removed.
    """
    freed = 0
    spared = {os.path.basename(path) for path in keep}
    stages = [path for path in staging.stale_stages() if path.name not in spared]
    with DiskErrors("remove", places.stage):
        freed += sum(remove_tree(os.fspath(path)) for path in stages)
    with DiskErrors("remove", places.temporary):
        files = [name for name in _names(places.temporary) if not sessions.is_alive(name.partition("~")[0])]
        freed += sum(remove_tree(f"{places.temporary}/{name}") for name in files)
    with DiskErrors("remove", places.alive):
        buried = sum(sessions.bury(session) for session in sessions.dead())
    with DiskErrors("remove", places.trash):
        trash = _names(places.trash)
        freed += sum(remove_tree(f"{places.trash}/{name}") for name in trash)
    return Swept(tuple(path.name for path in stages), len(files), buried, len(trash), freed)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
