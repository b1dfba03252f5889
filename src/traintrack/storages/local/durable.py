"""Makes what was written outlive a power cut, for many commits at once.

One `syncfs` of the store's file system costs about what one `fsync` does, and covers everything that was written
before it began. So those who need it wait for the next round together: what 50 threads commit costs two rounds.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from collections.abc import Callable, Iterable

from msgspec import Struct

NEEDS_NOTES = sys.platform != "linux"
"""Tells if what was written must be noted one by one, as there is no call that syncs a whole file system and waits."""


class GroupSync:
    """Runs `sync` in rounds; whoever waits is served by a round that began after the call."""

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._changed = threading.Condition()
        self._next = _Round()
        self._busy = False

    def wait(self) -> None:
        """Return when everything that was written before this call is on the disk.

        Raises:
            OSError: the disk refused, for all of the round.
        """
        with self._changed:
            mine = self._next
            while self._busy and not mine.over:
                self._changed.wait()
            leads = not mine.over
            if leads:
                self._busy = True
                self._next = _Round()
        if leads:
            self._lead(mine)
        if mine.error is not None:
            raise OSError(mine.error.errno, os.strerror(mine.error.errno or 0))

    def _lead(self, mine: _Round) -> None:
        try:
            self._sync()
        except OSError as error:
            mine.error = error
        finally:
            with self._changed:
                mine.over = True
                self._busy = False
                self._changed.notify_all()


class _Round(Struct):
    over: bool = False
    error: OSError | None = None


class WholeDisk:
    """Syncs the file system that holds `root`, by syncfs(2)."""

    def __init__(self, root: str, syncfs: Callable[[int], int]) -> None:
        self._root = root
        self._syncfs = syncfs

    def sync(self) -> None:
        """Write out the file system.

        Raises:
            OSError: a write was lost; told by Linux 5.8 and later.
        """
        fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if self._syncfs(fd) != 0:
                number = _last_error()
                raise OSError(number, os.strerror(number), self._root)
        finally:
            os.close(fd)


class EachFile:
    """Syncs the files and folders that were noted since the last round: for systems without syncfs(2)."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._noted: dict[str, None] = {}

    def note(self, paths: Iterable[str]) -> None:
        """Remember paths that the next round must cover."""
        with self._guard:
            self._noted.update(dict.fromkeys(paths))

    def sync(self) -> None:
        """Write out each noted path that is still there; one that was renamed was noted under its new name too."""
        with self._guard:
            noted, self._noted = self._noted, {}
        for path in noted:
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            except FileNotFoundError:
                continue
            try:
                _full_sync(fd)
            finally:
                os.close(fd)


def disk_sync(root: str) -> WholeDisk | EachFile:
    """Choose the way to sync that this system has; the libraries of Linux have syncfs(2), or sync(2) which waits too."""
    if not NEEDS_NOTES:
        return WholeDisk(root, _libc_syncfs() or _sync_all)
    return EachFile()


def _libc_syncfs() -> Callable[[int], int] | None:
    import ctypes  # noqa: PLC0415 - 10 ms that only a commit needs

    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    return found


def _sync_all(_: int) -> int:
    os.sync()
    return 0


def _last_error() -> int:
    import ctypes  # noqa: PLC0415

    return ctypes.get_errno()


def _full_sync(fd: int) -> None:
    # On macOS fsync leaves bytes in the drive's cache; F_FULLFSYNC does not (fcntl(2) there).
    full: int | None = getattr(fcntl, "F_FULLFSYNC", None)
    if full is None:
        os.fsync(fd)
        return
    try:
        fcntl.fcntl(fd, full)
    except OSError:
        os.fsync(fd)
