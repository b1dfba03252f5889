"""Copies of inputs, where there are too many to be mounted one by one: by reflink where the disk can."""

from __future__ import annotations

import os
import shutil
import stat

from traintrack.runners.contract.reflink import shared_blocks


def copy_tree(source: str, target: str) -> None:
    """Copy a file or folder, whose parents are made; files become 0444 or 0555, links stay what they are.

    Raises:
        OSError: something cannot be read or written.
    """
    os.makedirs(os.path.dirname(target), exist_ok=True)
    there = os.lstat(source)
    if stat.S_ISLNK(there.st_mode):
        os.symlink(os.readlink(source), target)
        return
    if not stat.S_ISDIR(there.st_mode):
        _copy_file(source, target, there.st_mode)
        return
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            copy_tree(entry.path, f"{target}/{entry.name}")


def _copy_file(source: str, target: str, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(source, "rb") as file, open(os.open(target, flags, 0o600), "wb") as copy:
        if not shared_blocks(file.fileno(), copy.fileno()):
            shutil.copyfileobj(file, copy, 1 << 20)
        os.fchmod(copy.fileno(), 0o555 if mode & stat.S_IXUSR else 0o444)
