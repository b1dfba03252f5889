"""Locks between processes and threads: `flock` on files that are never removed.

A lock file that is removed while another waits for it gives two holders; so these stay, empty, for ever. Each
taking opens the file anew: `flock` belongs to the open file, and two threads of one process must exclude each other.
"""

from __future__ import annotations

import fcntl
import os
from enum import Enum
from types import TracebackType

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class Mode(Enum):
    """How a lock is held: by many readers, or by one alone."""

    SHARED = fcntl.LOCK_SH
    ALONE = fcntl.LOCK_EX


class FileLock:
    """Holds a lock while the context is open; waits for it. The kernel drops it when the process dies."""

    __slots__ = ("_fd", "_mode", "_path")

    def __init__(self, path: str, mode: Mode = Mode.ALONE) -> None:
        self._path = path
        self._mode = mode
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = open_lock(self._path)
        try:
            fcntl.flock(self._fd, self._mode.value)
        except BaseException:
            os.close(self._fd)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        os.close(self._fd)


def open_lock(path: str) -> int:
    """Open a lock file, made with its folder where it is not there; it is not passed to child processes."""
    try:
        return os.open(path, _OPEN, 0o644)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, _OPEN, 0o644)


def try_lock(fd: int, mode: Mode) -> bool:
    """Take the lock of an open file if nobody holds it otherwise; tell if that worked."""
    try:
        fcntl.flock(fd, mode.value | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
