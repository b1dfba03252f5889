"""Keeps the collector away from a folder while this process publishes.

What is stored while a cell is HELD{publishing} is named by no cell yet, and so is what an early cut-off is about to
name. So `gc.lock` is held shared from before that state is written until it is left; the kernel drops it with the
process. `flock` is not fair: who begins passes `gc.gate` first, which the collector holds while it waits and works.
"""

from __future__ import annotations

import fcntl
import os
import threading

from traintrack.digest import TargetId
from traintrack.storages.local.locks import FileLock, Mode, open_lock
from traintrack.storages.local.places import Places


class Publishing:
    """The IDs whose cells this process has made HELD{publishing}. Safe between threads."""

    def __init__(self, places: Places) -> None:
        self._gate, self._lock = places.collector_gate, places.collector_lock
        self._guard = threading.Lock()
        self._ids: set[TargetId] = set()
        self._fd = -1
        self._pid = os.getpid()

    def begin(self, id_: TargetId) -> None:
        """Hold the lock for an ID; waits for a collector at work. Doing so twice is doing it once.

        Raises:
            OSError: the lock cannot be opened.
        """
        with FileLock(self._gate, Mode.SHARED), self._guard:
            self._forget_parent()
            if not self._ids:
                self._fd = _held(self._lock)
            self._ids.add(id_)

    def end(self, id_: TargetId) -> None:
        """Hold it no longer for an ID, whether or not it was held."""
        with self._guard:
            if id_ not in self._ids or self._pid != os.getpid():
                return
            self._ids.remove(id_)
            if not self._ids:
                # A child that was forked off and not yet replaced has the same open file: so it is let go by name.
                fcntl.flock(self._fd, fcntl.LOCK_UN)
                os.close(self._fd)

    def _forget_parent(self) -> None:
        if self._pid != os.getpid():
            self._ids, self._pid = set(), os.getpid()


def _held(path: str) -> int:
    fd = open_lock(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
    except BaseException:
        os.close(fd)
        raise
    return fd
