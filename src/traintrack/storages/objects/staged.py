"""Reads the files of a staged folder as their manifest says; bytes that are others are refused before all of them are sent."""

from __future__ import annotations

import os
from collections.abc import Iterator

from blake3 import blake3

from traintrack.action.manifest import Entry
from traintrack.digest import ContentDigest, content_digest
from traintrack.errors import IntegrityError
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.objects.tree import Tree

_CHUNK = 4 << 20


class StagedFiles:
    """The files of a folder, checked as they are read. Safe between threads."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def data(self, entry: Entry) -> bytes:
        """Return the bytes of a small file.

        Raises:
            IntegrityError: they are not those of the manifest.
            HostError: they cannot be read.
        """
        with DiskErrors("read", f"{self._tree.root}/{entry.path}"):
            fd = self._open(entry)
            try:
                data = os.read(fd, entry.size + 1)
                while 0 < len(data) <= entry.size and (more := os.read(fd, entry.size + 1 - len(data))):
                    data += more
            finally:
                os.close(fd)
        if len(data) != entry.size or content_digest(data) != entry.digest:
            raise _changed(entry)
        return data

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of a file of any size; the last of them only when all were those of the manifest.

        Raises:
            IntegrityError: they are not: who sends them must not finish.
            HostError: they cannot be read.
        """
        with DiskErrors("read", f"{self._tree.root}/{entry.path}"):
            fd = self._open(entry)
            try:
                hasher, left, held = blake3(max_threads=blake3.AUTO), entry.size, b""
                while data := os.read(fd, _CHUNK):
                    left -= len(data)
                    if left < 0:
                        raise _changed(entry)
                    if held:
                        yield held
                    hasher.update(data)
                    held = data
            finally:
                os.close(fd)
        if left or ContentDigest(hasher.hexdigest()) != entry.digest:
            raise _changed(entry)
        yield held

    def _open(self, entry: Entry) -> int:
        try:
            return self._tree.open(entry.path)
        except FileNotFoundError as error:
            raise _changed(entry, "is missing") from error


def _changed(entry: Entry, what: str = "has other bytes") -> IntegrityError:
    return IntegrityError(
        f"the output changed after it was hashed: `{entry.path}` {what}",
        code="output-changed",
        hint="let the task end every process that it starts, then run again",
    )
