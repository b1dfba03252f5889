"""Makes room in the cache before something is taken in: within its bound, and on its disk."""

from __future__ import annotations

import os
import threading

from traintrack.errors import HostError
from traintrack.storages.cache.shrink import Shrinking
from traintrack.storages.local.disk_errors import DiskErrors

_LOOK_AGAIN = 32
"""The cache is looked through again when a process has taken in this part of the bound, as others take in too."""

_SPARE_BYTES = 16 << 20


class Room:
    """Knows what the cache held when it was last looked through, and what this process has taken in since."""

    def __init__(self, root: str, shrinking: Shrinking, limit_bytes: int) -> None:
        self._root, self._shrinking, self._limit = root, shrinking, limit_bytes
        self._guard = threading.Lock()
        self._known: int | None = None
        self._taken = 0

    def make(self, size_bytes: int) -> None:
        """Let there be room for so many bytes more. What is in use stays, even if the bound cannot be kept then.

        Raises:
            HostError: the disk has too little space; code `disk-full`.
        """
        with self._guard:
            self._taken += size_bytes
            if self._must_look():
                limit = max(0, self._limit - size_bytes)
                # A little more goes than has to, so that not every artifact that is taken in is a reason to look.
                self._known = self._shrinking.to(limit, max(0, limit - self._limit // 16)).left_bytes
                self._taken = size_bytes
            self._demand_space(size_bytes)

    def _must_look(self) -> bool:
        if self._known is None or self._taken > self._limit // _LOOK_AGAIN:
            return True
        return self._known <= self._limit < self._known + self._taken

    def _demand_space(self, size_bytes: int) -> None:
        missing = size_bytes + _SPARE_BYTES - self._free_bytes()
        if missing <= 0:
            return
        left = self._shrinking.to(self._limit).left_bytes
        self._shrinking.to(max(0, left - missing))
        free = self._free_bytes()
        if free < size_bytes:
            raise HostError(
                f"there are {free} bytes free at `{self._root}`, and {size_bytes} bytes are needed",
                code="disk-full",
                hint=f"free {size_bytes - free} bytes there, or let XDG_CACHE_HOME name a folder on a larger disk",
            )

    def _free_bytes(self) -> int:
        with DiskErrors("look at", self._root):
            there = os.statvfs(self._root)
        return there.f_bavail * there.f_frsize
