"""Keeps the cache within its bound: what was not used for longest goes, and nothing that a living process uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from traintrack.storages.cache.shelves import Shelves
from traintrack.storages.cache.uses import Item, Uses
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.locks import FileLock
from traintrack.storages.local.removal import remove_tree
from traintrack.storages.local.sessions import Sessions
from traintrack.storages.local.staging import LocalStaging
from traintrack.storages.local.sweep import sweep

STAGE_PREFIX = "fetch-"
"""How the cache's own stages begin; those of runs are for others to judge, as their jobs may live on."""


class Shrunk(Struct, frozen=True):
    """What a look at the cache found and did; `left_bytes` is what is in it now."""

    left_bytes: int
    freed_bytes: int


class Shrinking:
    """Removes things of one cache."""

    def __init__(self, shelves: Shelves, uses: Uses, sessions: Sessions, staging: LocalStaging) -> None:
        self._shelves, self._uses = shelves, uses
        self._sessions, self._staging = sessions, staging
        self._places = shelves.places

    def to(self, limit_bytes: int, down_to_bytes: int | None = None) -> Shrunk:
        """Remove what the dead have left, then the least recently used if there is more than the limit.

        It goes on until the rest is within the limit, or within `down_to_bytes`.

        Raises:
            HostError: the folder cannot be read, or something cannot be removed.
        """
        self.sweep()
        with DiskErrors("clean up", self._places.root):
            items = [*self._artifacts(), *self._loose()]
            left = sum(item.size_bytes for item in items)
            freed = 0
            enough = limit_bytes if left <= limit_bytes or down_to_bytes is None else down_to_bytes
            for item in sorted(items, key=lambda item: item.used_ns):
                if left <= enough:
                    break
                if self._remove(item):
                    left -= item.size_bytes
                    freed += item.size_bytes
        return Shrunk(left, freed)

    def sweep(self) -> None:
        """Remove the cache's own stages, half-written files and trash that dead processes have left.

        Raises:
            HostError: something cannot be removed.
        """
        stale = self._staging.stale_stages()
        sweep(self._places, self._sessions, self._staging, [s for s in stale if not _is_own(s)])

    def _artifacts(self) -> Iterator[Item]:
        noted = {item.name: item for item in self._uses.items()}
        here = set(self._here())
        for name in here | noted.keys():
            if name not in here:
                # Who was killed before it came here has left only notes; or it is on its way.
                yield Item(name, 0, 0)
            elif noted.get(name) is None or not noted[name].used_ns:
                yield Item(name, _tree_bytes(self._shelves.folder(name)), 0)
            else:
                yield noted[name]

    def _here(self) -> Iterator[str]:
        for places, suffix in ((self._shelves.places, ""), (self._shelves.part_places, ".part")):
            folder = os.path.dirname(os.path.dirname(places.artifact("00")))
            for shard in _names(folder):
                yield from (f"{name}{suffix}" for name in _names(f"{folder}/{shard}"))

    def _loose(self) -> Iterator[Item]:
        """Kept objects and logs are read at once: so the last time that the disk noted for them is good enough."""
        for kind in ("kept", "log"):
            for folder, _, names in os.walk(f"{self._places.root}/{kind}"):
                for name in names:
                    path = f"{folder}/{name}"
                    with suppress(FileNotFoundError):
                        there = os.stat(path)
                        size = (there.st_size + 4095) & ~4095
                        yield Item(path, size, max(there.st_atime_ns, there.st_mtime_ns))

    def _remove(self, item: Item) -> bool:
        if item.name.startswith("/"):
            remove_tree(item.name)
            return True
        return self.remove(item.name)

    def remove(self, name: str) -> bool:
        """Remove a thing, unless a living process uses it; tell if it is gone.

        Raises:
            OSError: it cannot be removed.
        """
        with FileLock(self._shelves.lock(name)):
            if self._uses.is_used(name):
                return False
            trash = self._set_aside(name)
            remove_tree(self._shelves.notes(name))
            self._uses.forget(name)
        if trash is not None:
            remove_tree(trash)
        return True

    def _set_aside(self, name: str) -> str | None:
        try:
            return self._shelves.set_aside(name)
        except FileNotFoundError:
            return None


def _is_own(stage: Path) -> bool:
    return stage.name.startswith(STAGE_PREFIX)


def _tree_bytes(folder: str) -> int:
    found = 0
    for root, _, names in os.walk(folder):
        for name in names:
            found += os.lstat(f"{root}/{name}").st_size
    return found


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
