"""Data in a folder of this machine: a path, or a network disk that is mounted here. It is listed without being opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from traintrack.errors import HostError, InputError, IntegrityError
from traintrack.ports.sources import Reading, SourceEntry

_READ_BYTES = 4 << 20


class FolderReader:
    """Reads below what `place_of` makes of a URI. The version of a file is its time of change, in nanoseconds."""

    def __init__(self, place_of: Callable[[str], Path]) -> None:
        self._place_of = place_of

    def list(self, uri: str) -> Iterator[SourceEntry]:
        """See `SourceReader`; the names of one folder at a time are held in memory."""
        place = self._place_of(uri)
        try:
            if not place.is_dir():
                yield _entry(str(place), place.name, os.stat(place))
                return
            yield from _walk(str(place))
        except FileNotFoundError as error:
            message = f"`{error.filename or place}` is not there"
            raise InputError(
                message, code="source-missing", hint="correct the path, or bring the data there"
            ) from error
        except OSError as error:
            raise _unreadable(error, place) from error

    def open(self, uri: str, entry: SourceEntry, offset: int) -> Reading:
        """See `SourceReader`."""
        place = self._place_of(uri)
        path = place / entry.path if place.is_dir() else place
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(error, path) from error
        there = os.fstat(descriptor)
        if (there.st_size, _version(there)) != (entry.size_bytes, entry.version):
            os.close(descriptor)
            raise IntegrityError(f"`{path}` changed while it was read", code="source-changed", hint="run again")
        return Reading(offset, _chunks(descriptor, offset, path))


def _walk(root: str) -> Iterator[SourceEntry]:
    todo = [iter(_names(root))]
    prefixes = [""]
    while todo:
        name = next(todo[-1], None)
        if name is None:
            todo.pop()
            prefixes.pop()
        elif name.endswith("/"):
            prefixes.append(prefixes[-1] + name)
            todo.append(iter(_names(f"{root}/{prefixes[-1]}")))
        else:
            path = prefixes[-1] + name
            yield _entry(f"{root}/{path}", path, os.lstat(f"{root}/{path}"))


def _names(folder: str) -> list[str]:
    """The names in a folder in the order of whole paths, in which a folder is its name with `/`."""
    with os.scandir(folder) as entries:
        found = [e.name + "/" if e.is_dir(follow_symlinks=False) else e.name for e in entries]
    found.sort(key=os.fsencode)
    return found


def _entry(place: str, path: str, there: os.stat_result) -> SourceEntry:
    if stat.S_ISLNK(there.st_mode):
        return SourceEntry(path, 0, target=os.readlink(place))
    if not stat.S_ISREG(there.st_mode):
        message = f"the data is refused: `{place}` is a device, a pipe or a socket"
        raise InputError(message, code="source-refused", hint="leave only files, folders and relative links there")
    return SourceEntry(path, there.st_size, _version(there), executable=bool(there.st_mode & stat.S_IXUSR))


def _version(there: os.stat_result) -> str:
    return str(there.st_mtime_ns)


def _chunks(descriptor: int, offset: int, path: Path) -> Iterator[bytes]:
    try:
        os.lseek(descriptor, offset, os.SEEK_SET)
        while data := os.read(descriptor, _READ_BYTES):
            yield data
    except OSError as error:
        raise _unreadable(error, path) from error
    finally:
        os.close(descriptor)


def _unreadable(error: OSError, place: Path) -> HostError:
    message = f"`{error.filename or place}` cannot be read: {(error.strerror or str(error)).lower()}"
    return HostError(message, code="source-unreadable", hint=f"give yourself the right to read it: ls -ld {place}")
