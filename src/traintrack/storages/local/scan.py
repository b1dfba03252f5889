"""Reads what a task left: an output is hostile until every name, link and type in it was looked at.

Only open folders are used (`folders.py`), nothing but regular files is opened, and a file must look the same
before and after it was hashed. Source: docs/explanation/protocol.md, "Outputs".
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from traintrack.action.links import first_escape
from traintrack.action.manifest import Entry, EntryType, Manifest, make_manifest, name_is_allowed, text_is_allowed
from traintrack.errors import TaskError
from traintrack.storages.local.folders import Folder, walk
from traintrack.storages.local.hashing import hash_file

# O_NONBLOCK: if a FIFO has taken the place of a file since it was listed, opening it must not hang.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CANNOT_BE_READ = "cannot be read by its owner"


def scan_output(root: str) -> Manifest:
    """List and hash a folder. Nothing in it is changed; hard links are listed as the files that they are.

    Raises:
        TaskError: something in it cannot be part of an artifact; code `output-refused`.
        OSError: the folder cannot be read.
    """
    manifest = make_manifest(_entries(root))
    links = manifest.columns().links()
    escaping = first_escape(links) if links else None
    if escaping is not None:
        raise refused(escaping, f"is a link to `{links[escaping]}`, which leaves the output or leads in a circle")
    return manifest


def _entries(root: str) -> Iterator[Entry]:
    for folder in walk(root):
        if not folder.entries and folder.prefix:
            yield Entry(folder.prefix[:-1], EntryType.FOLDER)
        for item in folder.entries:
            entry = _entry(folder, item)
            if entry is not None:
                yield entry


def refused(path: str, why: str) -> TaskError:
    """The error for something that cannot be part of an artifact."""
    shown = path.encode("unicode_escape", "surrogateescape").decode("ascii") if not path.isprintable() else path
    return TaskError(
        f"the output is refused: `{shown}` {why}",
        code="output-refused",
        hint="let the task write only files, folders and relative links into OUTPUT_DIRECTORY",
    )


def _entry(folder: Folder, item: os.DirEntry[str]) -> Entry | None:
    path = folder.prefix + item.name
    if not name_is_allowed(item.name):
        raise refused(path, "has a name that is not UTF-8 or has control characters")
    if item.is_dir(follow_symlinks=False):
        _demand_readable(folder, item, path)
        return None
    if item.is_symlink():
        target = os.readlink(item.name, dir_fd=folder.fd)
        if not text_is_allowed(target):
            raise refused(path, "is a link whose text is not UTF-8 or has control characters")
        return Entry(path, EntryType.LINK, target=target)
    if not item.is_file(follow_symlinks=False):
        raise refused(path, "is a device, a pipe or a socket")
    return _file(folder.fd, item.name, path)


def _demand_readable(folder: Folder, item: os.DirEntry[str], path: str) -> None:
    mode = os.stat(item.name, dir_fd=folder.fd, follow_symlinks=False).st_mode
    if mode & 0o500 != 0o500:
        raise refused(path, _CANNOT_BE_READ)


def _file(folder: int, name: str, path: str) -> Entry:
    try:
        fd = os.open(name, _OPEN_FILE, dir_fd=folder)
    except PermissionError as error:
        raise refused(path, _CANNOT_BE_READ) from error
    try:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            raise refused(path, "is a device, a pipe or a socket")
        digest, size = hash_file(fd, before.st_size)
        after = os.fstat(fd)
    finally:
        os.close(fd)
    if size != before.st_size or _looks(before) != _looks(after):
        raise refused(path, "was still being written after the task had ended")
    return Entry(path, EntryType.FILE, bool(before.st_mode & stat.S_IXUSR), size, digest)


def _looks(there: os.stat_result) -> tuple[int, int, int]:
    return (there.st_size, there.st_mtime_ns, there.st_ctime_ns)
