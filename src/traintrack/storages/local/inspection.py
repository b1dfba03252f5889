"""Compares an artifact's folder, or a part of it, with its manifest: everything is looked at, little is hashed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from traintrack.action.manifest import Entry, EntryType, Manifest
from traintrack.storages.local.folders import Folder, open_below, walk
from traintrack.storages.local.hashing import hash_file
from traintrack.storages.local.notes import Notes, note_of

_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


_LOOSE = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX | 0o222
"""Bits of a mode that nothing in an artifact has; who copies a store may take others away by their umask."""


class Trust(Enum):
    """What spares a file from being hashed: a note that fits it, its size, or nothing."""

    NOTES = "notes"
    SIZE = "size"
    NOTHING = "nothing"


class Wrong(Struct, frozen=True):
    """What is wrong with a path (empty: the whole folder), in words with the path. `rights`: only its mode is."""

    path: str
    words: str
    rights: bool = False


class Inspection:
    """One look at an artifact. New notes of files that were hashed and found right are put into `notes`."""

    def __init__(self, root: str, manifest: Manifest, notes: Notes | None = None, trust: Trust = Trust.NOTES) -> None:
        self._root = root
        self._entries = manifest.columns()
        self._notes = notes
        self._trust = trust

    def damage(self, subpath: str | None) -> str | None:
        """Return what is wrong first, in words with the path, or None; a path that the manifest has not is never wrong.

        Raises:
            OSError: the disk cannot be read.
        """
        number = None if subpath is None else self._entries.find(subpath)
        if subpath is not None and number is not None:
            return self._single(subpath, number)
        top = self._open(subpath or "")
        if top is None:
            return self._no_folder(subpath)
        try:
            found = self._below(top, f"{subpath}/" if subpath else "")
            return next((wrong.words for wrong in found if not wrong.rights), None)
        finally:
            os.close(top)

    def wrongs(self) -> Iterator[Wrong]:
        """Yield all that is wrong with the whole artifact, loosened modes too, in the order of the walk.

        Raises:
            OSError: a folder cannot be read.
        """
        top = self._open("")
        if top is None:
            yield Wrong("", "its folder is missing")
            return
        try:
            yield from self._below(top, "")
        finally:
            os.close(top)

    def _single(self, path: str, number: int) -> str | None:
        folder, _, name = path.rpartition("/")
        parent = self._open(folder)
        if parent is None:
            return f"`{path}` is missing"
        try:
            there = os.stat(name, dir_fd=parent, follow_symlinks=False)
            return self._compare(parent, name, number, there)
        except FileNotFoundError:
            return f"`{path}` is missing"
        finally:
            os.close(parent)

    def _open(self, path: str) -> int | None:
        try:
            return open_below(self._root, path)
        except OSError as error:
            if error.errno not in _NO_FOLDER:
                raise
            return None

    def _no_folder(self, subpath: str | None) -> str | None:
        if subpath is None:
            return "its folder is missing"
        return f"`{subpath}` is missing" if self._entries.below(subpath) else None

    def _below(self, top: int, prefix: str) -> Iterator[Wrong]:
        expected = self._entries.below(prefix[:-1])
        seen = bytearray(len(expected))
        if prefix and not expected:
            return
        for folder in walk(top):
            rights = _rights_words(os.fstat(folder.fd))
            if rights is not None:
                path = folder.prefix[:-1]
                yield Wrong(path, f"`{path}` {rights}" if path else f"its folder {rights}", rights=True)
            for item in folder.entries:
                path = prefix + folder.prefix + item.name
                number = self._entries.find(path)
                if number is not None:
                    seen[number - expected.start] = True
                wrong = self._entry(folder, item, path, number)
                if wrong is not None:
                    yield wrong
        missing = (self._entries[number].path for number, is_seen in zip(expected, seen, strict=True) if not is_seen)
        yield from (Wrong(path, f"`{path}` is missing") for path in missing)

    def _entry(self, folder: Folder, item: os.DirEntry[str], path: str, number: int | None) -> Wrong | None:
        if number is None:
            is_known = item.is_dir(follow_symlinks=False) and len(self._entries.below(path)) > 0
            return None if is_known else Wrong(path, f"`{path}` was added")
        there = item.stat(follow_symlinks=False)
        try:
            words = self._compare(folder.fd, item.name, number, there)
        except OSError as error:
            if self._trust is Trust.NOTES:
                raise  # Who is about to read it wants to know what the system says.
            words = f"`{path}` cannot be read: {(error.strerror or '').lower()}"
        if words is not None:
            return Wrong(path, words)
        rights = _rights_words(there) if stat.S_ISREG(there.st_mode) else None
        return Wrong(path, f"`{path}` {rights}", rights=True) if rights is not None else None

    def _compare(self, folder: int, name: str, number: int, there: os.stat_result) -> str | None:
        if self._is_noted(number, there):
            return None
        entry = self._entries[number]
        path = entry.path
        if _type(there) is not entry.type:
            return f"`{path}` is not a {entry.type.value} any more"
        if entry.type is EntryType.LINK:
            same = os.readlink(name, dir_fd=folder) == entry.target
            return None if same else f"`{path}` leads elsewhere"
        if entry.type is EntryType.FOLDER:
            return None
        return self._hash(folder, name, number, entry, there)

    def _is_noted(self, number: int, there: os.stat_result) -> bool:
        if self._trust is not Trust.NOTES or self._notes is None or not stat.S_ISREG(there.st_mode):
            return False
        return self._notes.note(number) == note_of(there)

    def _hash(self, folder: int, name: str, number: int, entry: Entry, there: os.stat_result) -> str | None:
        if there.st_size != entry.size:
            return f"`{entry.path}` has {there.st_size} bytes, not {entry.size}"
        if bool(there.st_mode & stat.S_IXUSR) != entry.executable:
            return f"`{entry.path}` has other rights"
        if self._trust is Trust.SIZE:
            return None
        fd = os.open(name, _OPEN_FILE, dir_fd=folder)
        try:
            before = note_of(os.fstat(fd))
            digest, _ = hash_file(fd, entry.size)
            after = note_of(os.fstat(fd))
        finally:
            os.close(fd)
        if digest != entry.digest or before != after:
            return f"`{entry.path}` has other bytes"
        if self._notes is not None:
            self._notes.put(number, after)
        return None


def _rights_words(there: os.stat_result) -> str | None:
    if there.st_mode & _LOOSE or not there.st_mode & stat.S_IRUSR:
        return f"has the mode {stat.S_IMODE(there.st_mode):04o}, and is not read-only"
    return None


def _type(there: os.stat_result) -> EntryType | None:
    if stat.S_ISREG(there.st_mode):
        return EntryType.FILE
    if stat.S_ISLNK(there.st_mode):
        return EntryType.LINK
    return EntryType.FOLDER if stat.S_ISDIR(there.st_mode) else None
