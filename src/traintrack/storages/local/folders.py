"""Walks a folder by open folders alone: no path is resolved twice, no link followed, no depth is too great.

One folder is open at a time. The way back up is `..`, and what it leads to must be the folder that was left.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from msgspec import Struct

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder(Struct, frozen=True):
    """A folder on the way: `prefix` is empty or ends in `/`, `fd` is open until the next one is asked for.

    `entries` in no order; a name that is not UTF-8 has lone surrogates.
    """

    prefix: str
    fd: int
    entries: list[os.DirEntry[str]]


def walk(root: int | str) -> Iterator[Folder]:
    """Yield `root` (a path, or an open folder that is not closed) and every folder below, parents first.

    Raises:
        OSError: a folder cannot be read, or was moved meanwhile.
    """
    fd = os.open(root, OPEN_FOLDER) if isinstance(root, str) else os.open(".", OPEN_FOLDER, dir_fd=root)
    prefix = ""
    levels: list[_Level] = []
    try:
        while True:
            with os.scandir(fd) as listing:
                entries = list(listing)
            yield Folder(prefix, fd, entries)
            below = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
            levels.append(_Level(below, len(prefix), _identity(fd) if below else (0, 0)))
            while not levels[-1].todo:
                levels.pop()
                if not levels:
                    return
                # A level that was left has nothing below it to climb from, so one `..` is one level.
                fd = _climb(fd, levels[-1].identity)
            prefix = f"{prefix[: levels[-1].length]}{levels[-1].todo[-1]}/"
            fd = exchange(fd, os.open(levels[-1].todo.pop(), OPEN_FOLDER, dir_fd=fd))
    finally:
        os.close(fd)


def open_below(root: str, path: str) -> int:
    """Open the folder at `path` inside `root`, name by name, so that no link and no limit on paths is in the way.

    Raises:
        OSError: there is no such folder.
    """
    fd = os.open(root, OPEN_FOLDER)
    try:
        for name in path.split("/") if path else ():
            fd = exchange(fd, os.open(name, OPEN_FOLDER, dir_fd=fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def exchange(old: int, new: int) -> int:
    """Close the old open folder and go on with the new one."""
    os.close(old)
    return new


class _Level(Struct, frozen=True):
    """A folder above: the names still to be visited, how much of the prefix is its own, and which folder it is."""

    todo: list[str]
    length: int
    identity: tuple[int, int]


def _climb(fd: int, expected: tuple[int, int]) -> int:
    above = os.open("..", OPEN_FOLDER, dir_fd=fd)
    if _identity(above) != expected:
        os.close(above)
        raise OSError(errno.ESTALE, "a folder was moved while it was read")
    return exchange(fd, above)


def _identity(fd: int) -> tuple[int, int]:
    there = os.fstat(fd)
    return (there.st_dev, there.st_ino)
