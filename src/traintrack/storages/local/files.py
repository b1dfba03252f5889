"""Small files, written whole or not at all: first under another name on the same disk, then renamed."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import threading
from collections.abc import Iterable

from traintrack.storages.local.durable import NEEDS_NOTES, EachFile, GroupSync, WholeDisk, disk_sync
from traintrack.storages.local.places import Places
from traintrack.storages.local.sessions import Sessions

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
# O_NONBLOCK: a pipe in the place of a file is empty, and nothing waits for who writes into it.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
# Most files here are smaller than this; a larger buffer costs a mapping of memory for each read.
_CHUNK = 1 << 14


class Files:
    """Writes into a store; what crashes in between leaves a file in `part/` that `sweep` knows the owner of."""

    def __init__(self, places: Places, sessions: Sessions) -> None:
        self._folder = places.temporary
        self._root = places.root
        self._sessions = sessions
        self._numbers = itertools.count()
        self._guard = threading.Lock()
        self._disk: WholeDisk | EachFile | None = None
        self._group: GroupSync | None = None

    def write(self, path: str, data: bytes) -> None:
        """Put `data` at `path`, replacing what is there at once; readable by all, writable by none.

        Raises:
            OSError: it is as it was before.
        """
        self.move(self.prepare(data), path)

    def prepare(self, data: bytes) -> str:
        """Write `data` under a temporary name and return that, for `move` or `drop`.

        Raises:
            OSError: nothing is left behind.
        """
        path = self._temporary_name()
        fd = _open_new(path)
        try:
            _write_all(fd, data)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(fd)
        return path

    def copy(self, source: str, path: str) -> None:
        """Put a copy of a file of any size at `path`.

        Raises:
            OSError: it is as it was before.
        """
        temporary = self._temporary_name()
        os.close(_open_new(temporary))
        try:
            os.chmod(temporary, 0o644)
            shutil.copyfile(source, temporary)
            os.chmod(temporary, 0o444)
        except BaseException:
            os.unlink(temporary)
            raise
        self.move(temporary, path)

    def take(self, source: str, path: str) -> None:
        """Put a finished file at `path`: itself if it can be moved there and has no other name, else a copy.

        Raises:
            OSError: the path is as it was before.
        """
        there = os.lstat(source)
        if stat.S_ISREG(there.st_mode) and there.st_nlink == 1 and _renamed(source, path):
            os.chmod(path, 0o444)
            if NEEDS_NOTES:
                self.note((path,))
            return
        self.copy(source, path)

    def move(self, temporary: str, path: str) -> None:
        """Rename a prepared file to `path`; the folder is made where it is not there.

        Raises:
            OSError: the prepared file is gone, the path is as it was before.
        """
        try:
            try:
                os.rename(temporary, path)
            except FileNotFoundError:
                make_folder(os.path.dirname(path))
                os.rename(temporary, path)
        except BaseException:
            self.drop(temporary)
            raise
        if NEEDS_NOTES:
            self.note((path,))

    def drop(self, temporary: str) -> None:
        """Remove a prepared file that is not wanted."""
        try:
            os.unlink(temporary)
        except OSError:
            return  # The sweep finds it, and there is a worse error to tell.

    def note(self, paths: Iterable[str]) -> None:
        """Remember, where that is needed, that these were written and the next `settle` must cover them."""
        disk = self._syncing()[0] if NEEDS_NOTES else None
        if isinstance(disk, EachFile):
            disk.note(step for path in paths for step in (path, os.path.dirname(path)))

    def settle(self) -> None:
        """Return when all that was written into the store before is on the disk.

        Raises:
            OSError: the disk refused.
        """
        self._syncing()[1].wait()

    def _syncing(self) -> tuple[WholeDisk | EachFile, GroupSync]:
        with self._guard:
            if self._disk is None or self._group is None:
                self._disk = disk_sync(self._root)
                self._group = GroupSync(self._disk.sync)
            return self._disk, self._group

    def _temporary_name(self) -> str:
        return f"{self._folder}/{self._sessions.mine()}~{next(self._numbers)}"


def read_file(path: str) -> bytes | None:
    """Return the content of a file, None if it is not there."""
    try:
        fd = os.open(path, _READ)
    except FileNotFoundError:
        return None
    try:
        data = os.read(fd, _CHUNK)
        if len(data) < _CHUNK:
            return data
        parts = [data]
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def make_folder(path: str) -> None:
    """Make a folder that was not there a moment ago; mostly only the last part of its path is missing.

    Raises:
        OSError: it cannot be made.
    """
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        os.makedirs(path, exist_ok=True)


def _open_new(path: str) -> int:
    try:
        return os.open(path, _NEW, 0o444)
    except FileNotFoundError:
        make_folder(os.path.dirname(path))
        return os.open(path, _NEW, 0o444)


def _renamed(source: str, path: str) -> bool:
    try:
        os.rename(source, path)
    except OSError:
        # Another file system, or a folder that is not there yet: the copy gets along with both.
        return False
    return True


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])
