"""Copies files of an artifact under plain names inside a bucket, or to another one, for who has no traintrack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from blake3 import blake3

from traintrack.action.manifest import Entry
from traintrack.digest import ContentDigest
from traintrack.errors import UsageError
from traintrack.storages.objects.destination import Destination
from traintrack.storages.objects.keys import Keys, is_namespace
from traintrack.storages.objects.lanes import Lanes, Step
from traintrack.storages.objects.layout import Placed
from traintrack.storages.objects.pace import Pace, patiently
from traintrack.storages.objects.ranges import LostBytesError, Ranges
from traintrack.storages.objects.stretches import Stretch, stretches
from traintrack.storages.objects.upload import STREAM_BYTES

_COPIERS = 16


class Copying:
    """Copies out of one store, many files at a time."""

    def __init__(self, destination: Destination, ranges: Ranges, pace: Pace) -> None:
        self._destination, self._ranges, self._pace = destination, ranges, pace
        self._lanes = Lanes(_COPIERS)

    def copy(self, files: Iterable[tuple[str, Entry]], placed: Iterable[Placed]) -> int:
        """Copy each file to the name beside it and return how many there were; `placed` says where their bytes lie.

        Raises:
            LostBytesError: bytes are missing in the store, or others.
            HostError: the store cannot be read or written.
        """
        names: dict[ContentDigest | None, list[str]] = {}
        for name, entry in files:
            names.setdefault(entry.digest if entry.size else None, []).append(name)
        wanted = {p.entry.digest: p for p in placed if p.entry.digest in names}
        self._lanes.run(self._steps(names, wanted))
        return sum(len(some) for some in names.values())

    def _steps(
        self, names: dict[ContentDigest | None, list[str]], wanted: dict[ContentDigest | None, Placed]
    ) -> Iterator[Step]:
        for name in names.get(None, ()):
            yield Step(partial(self._put, name, b""))
        packed = []
        for digest, placed in wanted.items():
            if placed.object.size_bytes != placed.entry.size:
                packed.append(placed)
                continue
            for name in names[digest]:
                yield self._whole(placed, name)
        for stretch in stretches(sorted(packed, key=lambda placed: (placed.object.key, placed.offset))):
            yield Step(partial(self._unpack, stretch, names), 2 * stretch.length)

    def _whole(self, placed: Placed, name: str) -> Step:
        """Copy an object that is one file."""
        to = self._destination
        if to.beside is not None:
            return Step(partial(self._copy, placed.object.key, f"{to.beside}{placed.object.key}", to.folder + name))
        size = placed.entry.size
        return Step(partial(self._stream, placed, to.folder + name), min(size, STREAM_BYTES))

    def _copy(self, key: str, source: str, target: str) -> None:
        try:
            patiently(self._pace, f"copy `{key}`", lambda: self._destination.bucket.copy(source, target))
        except FileNotFoundError as error:
            raise LostBytesError(f"`{key}` is missing") from error

    def _stream(self, placed: Placed, target: str) -> None:
        size, bucket = placed.entry.size, self._destination.bucket
        patiently(self._pace, f"write `{target}`", lambda: bucket.put_stream(target, self._checked(placed), size))

    def _checked(self, placed: Placed) -> Iterator[bytes]:
        hasher = blake3()
        for chunk in self._ranges.stream(placed.object.key, placed.offset, placed.entry.size):
            hasher.update(chunk)
            yield bytes(chunk)
        if hasher.hexdigest() != placed.entry.digest:
            raise LostBytesError(f"`{placed.entry.path}` has other bytes in the store, in `{placed.object.key}`")

    def _unpack(self, stretch: Stretch, names: dict[ContentDigest | None, list[str]]) -> None:
        data = bytes(self._ranges.whole(stretch.key, stretch.start, stretch.length))
        for placed in stretch.files:
            begin = placed.offset - stretch.start
            part = data[begin : begin + placed.entry.size]
            if blake3(part).hexdigest() != placed.entry.digest:
                raise LostBytesError(f"`{placed.entry.path}` has other bytes in the store, in `{stretch.key}`")
            for name in names[placed.entry.digest]:
                self._put(name, part)

    def _put(self, name: str, data: bytes) -> None:
        key = self._destination.folder + name
        patiently(self._pace, f"write `{key}`", lambda: self._destination.bucket.put(key, data))


def demand_free_prefix(prefix: str, keys: Keys) -> None:
    """See that nothing of the store's own lies under a prefix, nor can come to lie there.

    Raises:
        UsageError: it is empty, does not end in `/`, or is one of the store's own.
    """
    first = prefix.partition("/")[0]
    own = first == keys.namespace.partition("/")[0] or (first != "" and not is_namespace(first) and "." not in first)
    if own or not first or not prefix.endswith("/") or first == "store.json":
        raise UsageError(
            f"`{prefix}` cannot be a folder for files in this store",
            code="store-prefix",
            hint="name another one, such as `exports/` in the bucket",
        )
