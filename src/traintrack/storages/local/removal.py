"""Removes folders, whatever their modes and depth."""

from __future__ import annotations

import os
import stat

from traintrack.storages.local.folders import OPEN_FOLDER, exchange


def remove_tree(path: str) -> int:
    """Remove a file, or a folder with everything in it; return the bytes that became free.

    A file counts with its size if this was its last name. What is not there, or is removed by somebody else
    at the same time, is no error.

    Raises:
        OSError: something cannot be removed.
    """
    try:
        top = os.lstat(path)
        if not stat.S_ISDIR(top.st_mode):
            os.unlink(path)
            return _freed(top)
        fd = _enter(path, None)
    except FileNotFoundError:
        return 0
    try:
        freed = _remove_below(fd)
    finally:
        os.close(fd)
    _remove_folder(path, None)
    return freed


def _remove_below(top: int) -> int:
    fd = os.dup(top)
    try:
        freed, names = _remove_files(fd)
        levels = [("", names)]
        while levels:
            name, names = levels[-1]
            if not names:
                levels.pop()
                if levels:
                    fd = exchange(fd, os.open("..", OPEN_FOLDER, dir_fd=fd))
                    _remove_folder(name, fd)
                continue
            name = names.pop()
            try:
                fd = exchange(fd, _enter(name, fd))
            except FileNotFoundError:
                continue
            more, names = _remove_files(fd)
            freed += more
            levels.append((name, names))
        return freed
    finally:
        os.close(fd)


def _enter(name: str, fd: int | None) -> int:
    """Open a folder so that its owner can remove what is in it; the folders of artifacts are read-only."""
    there = os.stat(name, dir_fd=fd, follow_symlinks=False)
    if there.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        os.chmod(name, stat.S_IRWXU, dir_fd=fd)
    return os.open(name, OPEN_FOLDER, dir_fd=fd)


def _remove_files(fd: int) -> tuple[int, list[str]]:
    """Remove what is no folder in an open folder; return the bytes freed and the names of the folders in it."""
    freed = 0
    folders = []
    with os.scandir(fd) as listing:
        entries = list(listing)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
            continue
        try:
            there = entry.stat(follow_symlinks=False)
            os.unlink(entry.name, dir_fd=fd)
        except FileNotFoundError:
            continue
        freed += _freed(there)
    return freed, folders


def _remove_folder(name: str, fd: int | None) -> None:
    try:
        os.rmdir(name, dir_fd=fd)
    except FileNotFoundError:
        return


def _freed(there: os.stat_result) -> int:
    return there.st_size if stat.S_ISREG(there.st_mode) and there.st_nlink == 1 else 0
