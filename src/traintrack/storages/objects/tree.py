"""A folder whose files are opened and made by their paths in a manifest, at any depth, and no link is followed into it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self, TypeVar

from traintrack.action.manifest import Entry, EntryType
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.folders import OPEN_FOLDER, open_below

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

T = TypeVar("T")


class Tree:
    """The folder at `root`, open while the context is; every error of the disk is a `HostError`. Safe between threads."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._fd = -1

    def __enter__(self) -> Self:
        with DiskErrors("open", self.root):
            self._fd = os.open(self.root, OPEN_FOLDER)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        os.close(self._fd)

    def open(self, path: str) -> int:
        """Open a file to be read.

        Raises:
            OSError: it is not there, or cannot be read.
        """
        return self._at(path, lambda name, fd: os.open(name, _READ, dir_fd=fd))

    def new(self, entry: Entry) -> int:
        """Make an empty file with the rights that it will have, and open it to be written and read.

        Raises:
            OSError: there is something already, or it cannot be made.
        """
        mode = 0o555 if entry.executable else 0o444
        return self._at(entry.path, lambda name, fd: os.open(name, _NEW, mode, dir_fd=fd))

    def write(self, entry: Entry, data: bytes | memoryview) -> None:
        """Make a file with these bytes.

        Raises:
            HostError: it cannot be written.
        """
        with DiskErrors("write", f"{self.root}/{entry.path}"):
            fd = self.new(entry)
            try:
                written = 0
                while written < len(data):
                    written += os.write(fd, data[written:] if written else data)
            finally:
                os.close(fd)

    def make_folders(self, entries: Iterable[Entry]) -> None:
        """Make the folders that the entries stand in, and those that are entries.

        Raises:
            HostError: one cannot be made.
        """
        with DiskErrors("write", self.root):
            for path in sorted(_folders_of(entries)):
                self._at(path, lambda name, fd: os.mkdir(name, 0o755, dir_fd=fd))

    def make_links(self, entries: Iterable[Entry]) -> None:
        """Make the links; only after all files, so that none is written through them.

        Raises:
            HostError: one cannot be made.
        """
        with DiskErrors("write", self.root):
            for entry in entries:
                if entry.type is EntryType.LINK:
                    target = entry.target or ""
                    self._at(entry.path, lambda name, fd, target=target: os.symlink(target, name, dir_fd=fd))  # type: ignore[misc]

    def _at(self, path: str, do: Callable[[str, int], T]) -> T:
        try:
            return do(path, self._fd)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
        folder, _, name = path.rpartition("/")
        above = open_below(self.root, folder)
        try:
            return do(name, above)
        finally:
            os.close(above)


def _folders_of(entries: Iterable[Entry]) -> set[str]:
    found: set[str] = set()
    for entry in entries:
        path = entry.path if entry.type is EntryType.FOLDER else entry.path.rpartition("/")[0]
        while path and path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
    return found
