"""A private copy of what a task left, whatever that is: sharing blocks where the file system can."""

from __future__ import annotations

import os
import shutil
import stat

from traintrack.runners.contract.reflink import shared_blocks


def copy_folder(source: str, target: str) -> None:
    """Copy a folder with all below it to a path where nothing is; the copy's owner can write everything in it.

    Links stay links, wherever they lead. What is neither file, folder nor link (a socket, a pipe) is left out.

    Raises:
        OSError: something cannot be read or written.
    """
    os.mkdir(target)
    with os.scandir(source) as listing:
        entries = list(listing)
    for entry in entries:
        place = f"{target}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
        elif entry.is_dir():
            copy_folder(entry.path, place)
        elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
            copy_file(entry.path, place)


def copy_entry(source: str, target: str) -> None:
    """Copy a file or a folder, as `copy_folder` does.

    Raises:
        OSError: something cannot be read or written.
    """
    if os.path.isdir(source):
        copy_folder(source, target)
    else:
        copy_file(source, target)


def copy_file(source: str, target: str) -> None:
    """Copy one file, with its owner's right to execute it.

    Raises:
        OSError: it cannot be read or written.
    """
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(reading, "rb") as old:
        mode = 0o755 if os.fstat(reading).st_mode & stat.S_IXUSR else 0o644
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(writing, "wb") as new:
            if not shared_blocks(reading, writing):
                shutil.copyfileobj(old, new, 1 << 20)
