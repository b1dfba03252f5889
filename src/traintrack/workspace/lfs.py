"""Files of Git LFS, read from where git-lfs keeps them on this machine: no program of it and no network is needed.

Source: git-lfs, docs/spec.md, "The Pointer" and "The Server/Local storage": `lfs/objects/ab/cd/<SHA-256>` in the git folder.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator

from msgspec import Struct

from traintrack.workspace.git_lfs import is_lfs_pointer
from traintrack.workspace.git_place import GitPlace
from traintrack.workspace.git_process import Git

LARGEST_BYTES = 256 << 20
"""Code travels in one piece through memory; what is larger is data."""

_OID = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)
_SIZE = re.compile(rb"^size ([0-9]{1,18})$", re.MULTILINE)
_CHUNK = 1 << 20


class Pointer(Struct, frozen=True):
    """What a pointer promises: the SHA-256 of a file, and its size."""

    sha256: str
    size_bytes: int


def read_pointer(data: bytes) -> Pointer | None:
    """Read a pointer; None if the bytes are none, or a damaged one."""
    oid, size = _OID.search(data), _SIZE.search(data)
    if not is_lfs_pointer(data) or oid is None or size is None:
        return None
    return Pointer(oid[1].decode(), int(size[1]))


class LargeFiles:
    """The files of one repository: those that git-lfs has fetched, and those that stand in the working tree below `root`."""

    def __init__(self, place: GitPlace, root: str) -> None:
        self._place, self._root = place, root
        self._folder: str | None = None

    def has(self, pointer: Pointer, name: str) -> bool:
        """Tell if `read` would find it; a file of git-lfs is not hashed for that."""
        stored, standing = self._places(pointer, name)
        return _size(stored) == pointer.size_bytes or _content(standing, pointer) is not None

    def read(self, pointer: Pointer, name: str) -> bytes | None:
        """Return the file of a pointer that stands at `name`, from the root; None if it is not here whole.

        Raises:
            OSError: it cannot be read.
        """
        return next(
            (data for path in self._places(pointer, name) if (data := _content(path, pointer)) is not None), None
        )

    def _places(self, pointer: Pointer, name: str) -> tuple[str, str]:
        oid = pointer.sha256
        return f"{self._objects()}/{oid[:2]}/{oid[2:4]}/{oid}", os.path.join(self._root, name)

    def _objects(self) -> str:
        if self._folder is None:
            git = Git(self._place.top, {"GIT_DIR": self._place.git_dir})
            answer = git.ask("config", "--get", "lfs.storage")
            named = os.fsdecode(answer.output).rstrip("\n") if answer.code == 0 else ""
            self._folder = os.path.join(self._place.common_dir, named or "lfs", "objects")
        return self._folder


def _size(path: str) -> int | None:
    try:
        return os.lstat(path).st_size
    except OSError:
        return None


def _content(path: str, pointer: Pointer) -> bytes | None:
    """Return the bytes of a file, if they are those that the pointer promises."""
    if pointer.size_bytes > LARGEST_BYTES or _size(path) != pointer.size_bytes:
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        data = b"".join(_chunks(file.fileno(), pointer.size_bytes))
    return data if hashlib.sha256(data).hexdigest() == pointer.sha256 else None


def _chunks(descriptor: int, size: int) -> Iterator[bytes]:
    left = size + 1
    while left and (chunk := os.read(descriptor, min(left, _CHUNK))):
        left -= len(chunk)
        yield chunk
