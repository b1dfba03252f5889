"""Reading the working tree as it is: no link is ever followed, not even in the middle of a path."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import TypeVar

from traintrack.errors import HostError
from traintrack.workspace.git_object import bytes_of, object_hash

T = TypeVar("T")

_CHUNK = 1 << 20


class Disk:
    """The files below `top`, by names relative to it with `/`; remembers which folders are real ones."""

    def __init__(self, top: str) -> None:
        self._top = bytes_of(top)
        self._real = {"": True}

    def path(self, name: str) -> bytes:
        """The absolute path of a name."""
        return os.path.join(self._top, bytes_of(name))

    def state(self, name: str) -> os.stat_result | None:
        """What stands at the name; None if nothing does, or if a folder above it is a link or a file.

        Raises:
            HostError: the rights are missing to look.
        """
        folder = name.rpartition("/")[0]
        if folder not in self._real:
            self._look_down_to(folder)
        return self._lstat(name) if self._real[folder] else None

    def has_room(self, name: str) -> bool:
        """Tell if a file could be put at an absent name without moving another: all that stands above is folders."""
        parts = name.split("/")
        for depth in range(1, len(parts)):
            state = self._lstat("/".join(parts[:depth]))
            if state is None:
                return True
            if not stat.S_ISDIR(state.st_mode):
                return False
        return True

    def link_target(self, name: str) -> bytes:
        """The text of a link.

        Raises:
            HostError: it cannot be read.
        """
        return reading(name, lambda: os.readlink(self.path(name)))

    def names_in(self, name: str) -> list[bytes]:
        """The names in a folder, in any order.

        Raises:
            HostError: it cannot be read.
        """
        return reading(name, lambda: os.listdir(self.path(name)))

    def blob_name(self, name: str, digits: int) -> str | None:
        """The blob that a file's bytes are, unconverted; None if it cannot be read or changes meanwhile."""
        try:
            # Not to be held up by a pipe that has just taken the file's place.
            handle = os.open(self.path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(handle, "rb", buffering=0) as stream:
                size = os.fstat(handle).st_size
                state, seen = object_hash("blob", size, digits), 0
                while chunk := stream.read(_CHUNK):
                    state.update(chunk)
                    seen += len(chunk)
        except OSError:
            return None  # whoever reads it next meets the same, and says it
        return str(state.hexdigest()) if seen == size else None

    def _look_down_to(self, folder: str) -> None:
        parts = folder.split("/")
        real = True
        for depth in range(1, len(parts) + 1):
            above = "/".join(parts[:depth])
            if above not in self._real:
                state = self._lstat(above) if real else None
                self._real[above] = state is not None and stat.S_ISDIR(state.st_mode)
            real = self._real[above]

    def _lstat(self, name: str) -> os.stat_result | None:
        try:
            return reading(name, lambda: os.lstat(self.path(name)))
        except (FileNotFoundError, NotADirectoryError):
            return None


def reading(name: str, read: Callable[[], T]) -> T:
    """Read something of the working tree; that it is not there goes through as it is.

    Raises:
        HostError: it cannot be read.
        FileNotFoundError, NotADirectoryError: it is not there.
    """
    try:
        return read()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise HostError(
            f"`{name}` cannot be read: {error.strerror}",
            code="worktree-unreadable",
            hint="make it readable or add it to `.gitignore`, then try again",
        ) from error
