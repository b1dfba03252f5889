"""What each thing in the cache takes, when it was used last, and by which living processes.

`in-use/<2>/<name>/` has a file `size`, whose time is that of the last use, and an empty file per process that uses the
thing, named as its session: whoever wants to remove it asks if one of them lives (`storages/local/sessions.py`).
A name is an artifact's digest, with `.part` where only parts of it are here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from msgspec import Struct

from traintrack.storages.local.locks import open_lock
from traintrack.storages.local.places import is_name
from traintrack.storages.local.sessions import Sessions

_SIZE = "size"
_LOCK = "lock"
_OURS = frozenset({_SIZE, _LOCK})

_held_for_life: dict[int, Sessions] = {}
"""Sessions under which something is used: it stays so while the process lives, whatever becomes of their cache."""


class Item(Struct, frozen=True):
    """A thing in the cache. `used_ns` only orders them."""

    name: str
    size_bytes: int
    used_ns: int


class Uses:
    """The folder `in-use` of a cache. Whoever writes or decides holds the lock of the artifact's shard meanwhile."""

    def __init__(self, root: str, sessions: Sessions) -> None:
        self._root = f"{root}/in-use"
        self._sessions = sessions
        self._marked: set[tuple[int, str]] = set()

    def is_marked(self, name: str) -> bool:
        """Tell if this process has said before that it uses the thing."""
        return (os.getpid(), name) in self._marked

    def mark(self, name: str) -> None:
        """Say that this process uses the thing for as long as it lives.

        Raises:
            OSError: it cannot be written.
        """
        folder = self._folder(name)
        os.makedirs(folder, exist_ok=True)
        os.close(os.open(f"{folder}/{self._sessions.process()}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
        _held_for_life[id(self._sessions)] = self._sessions
        self._marked.add((os.getpid(), name))
        self.touch(name)

    def touch(self, name: str) -> None:
        """Make the thing the one that was used last."""
        try:
            os.utime(f"{self._folder(name)}/{_SIZE}")
        except OSError:
            return  # It has no size yet, or belongs to another: then it goes earlier than it had to.

    def note_size(self, name: str, size_bytes: int) -> None:
        """Note what the thing takes.

        Raises:
            OSError: it cannot be written.
        """
        folder = self._folder(name)
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{_SIZE}", "w", encoding="ascii") as file:
            file.write(str(size_bytes))

    def size_bytes(self, name: str) -> int:
        """What was noted, 0 if nothing was or it cannot be read."""
        return _read_size(f"{self._folder(name)}/{_SIZE}")[0]

    def is_used(self, name: str) -> bool:
        """Tell if a living process uses the thing; the marks of the dead are removed."""
        folder = self._folder(name)
        for session in _names(folder):
            if session in _OURS:
                continue
            if is_name(session) and self._sessions.is_alive(session):
                return True
            os.unlink(f"{folder}/{session}")
        return False

    def items(self) -> Iterator[Item]:
        """All things of which a size was noted, in no order."""
        for shard in _names(self._root):
            for name in _names(f"{self._root}/{shard}"):
                size, used_ns = _read_size(f"{self._root}/{shard}/{name}/{_SIZE}")
                yield Item(name, size, used_ns)

    def forget(self, name: str) -> None:
        """Drop everything that is noted about the thing."""
        shutil.rmtree(self._folder(name), ignore_errors=True)
        self._marked.discard((os.getpid(), name))

    def open_lock(self, name: str) -> int:
        """Open the file that is locked by whoever brings the thing here; it must be marked.

        Raises:
            OSError: it cannot be opened.
        """
        return open_lock(f"{self._folder(name)}/{_LOCK}")

    def _folder(self, name: str) -> str:
        return f"{self._root}/{name[:2]}/{name}"


def _read_size(path: str) -> tuple[int, int]:
    try:
        with open(path, "rb") as file:
            text, used_ns = file.read(32), os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return 0, 0
    return (int(text) if text.isdigit() else 0), used_ns


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
