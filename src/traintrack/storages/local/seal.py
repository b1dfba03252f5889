"""Makes a staged folder immutable and its own: read-only modes, no inode shared with anything outside."""

from __future__ import annotations

import os
import secrets
import stat

from traintrack.action.entries import Entries
from traintrack.action.manifest import Entry, EntryType, Manifest
from traintrack.errors import IntegrityError
from traintrack.storages.local.folders import Folder, walk
from traintrack.storages.local.hashing import hash_file
from traintrack.storages.local.notes import Note, Notes, note_of

_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_CHUNK = 1 << 24


def seal(root: str, manifest: Manifest) -> Notes:
    """Set modes (files 0444 or 0555, folders 0555; the root is left to the caller) and note every file.

    A file with another name elsewhere becomes a copy: bytes that a task could still write would not be immutable.

    Raises:
        IntegrityError: the folder is not what the manifest says; code `output-changed`.
        OSError: it cannot be changed.
    """
    expected = manifest.columns()
    notes = Notes(len(expected))
    seen = 0
    for folder in walk(root):
        seen += _is_listed(folder, expected)
        for item in folder.entries:
            if item.is_dir(follow_symlinks=False):
                continue
            seen += 1
            _seal_item(folder, item, expected, notes)
        if folder.prefix:
            os.fchmod(folder.fd, 0o555)
    if seen != len(expected):
        raise _changed("something is missing")
    return notes


def _is_listed(folder: Folder, expected: Entries) -> bool:
    """Tell if the folder has an entry of its own, as every empty one but the root must."""
    number = expected.find(folder.prefix[:-1]) if folder.prefix else None
    is_empty = bool(folder.prefix) and not folder.entries
    if is_empty != (number is not None and expected[number].type is EntryType.FOLDER):
        raise _changed(f"`{folder.prefix}` is another folder")
    return is_empty


def _seal_item(folder: Folder, item: os.DirEntry[str], expected: Entries, notes: Notes) -> None:
    path = folder.prefix + item.name
    number = expected.find(path)
    kind = EntryType.LINK if item.is_symlink() else EntryType.FILE
    if number is None or expected[number].type is not kind:
        raise _changed(f"`{path}` is new")
    entry = expected[number]
    if kind is EntryType.FILE:
        notes.put(number, _seal_file(folder.fd, item.name, entry))
    elif os.readlink(item.name, dir_fd=folder.fd) != entry.target:
        raise _changed(f"`{path}` is another link")


def _seal_file(folder: int, name: str, entry: Entry) -> Note:
    fd = os.open(name, _OPEN_FILE, dir_fd=folder)
    try:
        there = os.fstat(fd)
        if not stat.S_ISREG(there.st_mode) or there.st_size != entry.size:
            raise _changed(f"`{entry.path}` has another size")
        if there.st_nlink > 1:
            return _copied(folder, name, fd, entry)
        mode = _mode(entry)
        if stat.S_IMODE(there.st_mode) != mode:
            os.fchmod(fd, mode)
            there = os.fstat(fd)
        return note_of(there)
    finally:
        os.close(fd)


def _copied(folder: int, name: str, source: int, entry: Entry) -> Note:
    """Put a copy in the place of a hard link; its other name may have been written to, so it is hashed once more."""
    temporary = f".{secrets.token_hex(8)}"
    fd = os.open(temporary, _NEW_FILE, 0o600, dir_fd=folder)
    try:
        while data := os.read(source, _CHUNK):
            while data:
                data = data[os.write(fd, data) :]
        os.lseek(fd, 0, os.SEEK_SET)
        if hash_file(fd, entry.size)[0] != entry.digest:
            raise _changed(f"`{entry.path}` has other bytes")
        os.fchmod(fd, _mode(entry))
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        return note_of(os.fstat(fd))
    except BaseException:
        os.unlink(temporary, dir_fd=folder)
        raise
    finally:
        os.close(fd)


def _mode(entry: Entry) -> int:
    return 0o555 if entry.executable else 0o444


def _changed(what: str) -> IntegrityError:
    return IntegrityError(
        f"the output changed after it was hashed: {what}",
        code="output-changed",
        hint="let the task end every process that it starts, then run again",
    )
