"""Hashes objects as they stream by: the whole against its name, and parts of it against the files they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from blake3 import blake3
from msgspec import Struct

from traintrack.action.manifest import Manifest
from traintrack.storages.objects.keys import digest_of
from traintrack.storages.objects.layout import Layout, Placed, StoredObject, is_data_key
from traintrack.storages.objects.ranges import LostBytesError, Ranges

CHUNK_BYTES = 8 << 20
"""No more of one object is in memory at a time."""

_READS = 2
"""What seems wrong is read once more: bytes can be wrong on their way."""


class Bytes(str, Enum):
    """What was found. `LOST`: the object is gone or shorter, which a look at its size tells."""

    RIGHT = "right"
    OTHER = "other"
    LOST = "lost"


class Slices(Struct, frozen=True):
    """An object and the files in it, as a layout says."""

    layout: str
    object: StoredObject
    files: tuple[Placed, ...]


class Judged(Struct, frozen=True):
    """What is to be said of an object; `path` is the first file that is not where the layout says."""

    bytes: Bytes
    path: str | None = None


class ByteCheck:
    """Reads objects of one namespace; `prefix` is that of all data of it. Safe between threads."""

    def __init__(self, ranges: Ranges, prefix: str) -> None:
        self._ranges, self._prefix = ranges, prefix

    def look(self, item: StoredObject, files: Iterable[Placed] = ()) -> Judged:
        """Read an object and judge it.

        Raises:
            HostError: it cannot be read.
        """
        wanted = sorted({(f.offset, f.entry.size, f.entry.digest or ""): f.entry.path for f in files}.items())
        judged = Judged(Bytes.RIGHT)
        for _ in range(_READS):
            judged = self._judged(item, wanted)
            if judged.bytes is Bytes.RIGHT and judged.path is None:
                break
        return judged

    def is_digest(self, key: str, size_bytes: int, digest: str) -> bool | None:
        """Tell if an object of any kind has these bytes; None if it is gone or shorter.

        Raises:
            HostError: it cannot be read.
        """
        right = False
        for _ in range(_READS):
            whole = blake3()
            try:
                for chunk in self._ranges.stream(key, 0, size_bytes):
                    whole.update(chunk)
            except LostBytesError:
                return None
            right = whole.hexdigest() == digest
            if right:
                break
        return right

    def _judged(self, item: StoredObject, wanted: list[tuple[tuple[int, int, str], str]]) -> Judged:
        whole, parts = blake3(), _Parts(wanted)
        at = 0
        try:
            for chunk in self._ranges.stream(item.key, 0, item.size_bytes):
                whole.update(chunk)
                parts.take(memoryview(chunk), at)
                at += len(chunk)
        except LostBytesError:
            return Judged(Bytes.LOST)
        if is_data_key(item.key, self._prefix) and whole.hexdigest() != digest_of(item.key):
            return Judged(Bytes.OTHER)
        return Judged(Bytes.RIGHT, parts.first_wrong())


class _Parts:
    """Parts of a stream, sorted by where they begin; they may overlap."""

    def __init__(self, wanted: list[tuple[tuple[int, int, str], str]]) -> None:
        self._wanted, self._next = wanted, 0
        self._open: list[tuple[int, int, str, str, blake3]] = []
        self._wrong: list[str] = []

    def take(self, chunk: memoryview, at: int) -> None:
        end = at + len(chunk)
        while self._next < len(self._wanted) and self._wanted[self._next][0][0] < end:
            (start, size, digest), path = self._wanted[self._next]
            self._next += 1
            self._open.append((start, start + size, digest, path, blake3()))
        still = []
        for part in self._open:
            start, until, digest, path, hasher = part
            hasher.update(chunk[max(start, at) - at : min(until, end) - at])
            if until > end:
                still.append(part)
            elif hasher.hexdigest() != digest:
                self._wrong.append(path)
        self._open = still

    def first_wrong(self) -> str | None:
        return min(self._wrong, default=None)


def slices_of(key: str, layout: Layout, manifest: Manifest, prefix: str) -> Iterator[Slices]:
    """The objects of a layout that are not one whole file each, named by its bytes."""
    found: dict[str, list[Placed]] = {}
    for placed in layout.placed(manifest):
        found.setdefault(placed.object.key, []).append(placed)
    for files in found.values():
        item = files[0].object
        if not is_data_key(item.key, prefix) or not all(_is_whole(placed) for placed in files):
            yield Slices(key, item, tuple(files))


def _is_whole(placed: Placed) -> bool:
    entry = placed.entry
    return entry.size == placed.object.size_bytes and entry.digest == digest_of(placed.object.key)
