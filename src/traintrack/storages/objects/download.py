"""Brings the files of an artifact here: many requests at a time, every file checked, in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain

from blake3 import blake3

from traintrack.action.manifest import Entry
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.hashing import hash_file
from traintrack.storages.objects.lanes import Lanes, Step
from traintrack.storages.objects.large_file import LargeFile
from traintrack.storages.objects.layout import Placed
from traintrack.storages.objects.ranges import LostBytesError, Ranges
from traintrack.storages.objects.stretches import LARGE_FROM_BYTES, RANGE_BYTES, Stretch, stretches
from traintrack.storages.objects.tree import Tree

FETCHERS = 16

CHUNK_BYTES = 8 << 20
"""No more of one answer is in memory at a time, whatever else is held of it."""


class Download:
    """Writes files into a tree that nobody else writes to; its folders are there."""

    def __init__(self, ranges: Ranges, tree: Tree, fetchers: int = FETCHERS) -> None:
        self._ranges, self._tree = ranges, tree
        self._lanes = Lanes(fetchers)
        self._unfinished: set[int] = set()

    def bring(self, files: Iterable[Placed]) -> None:
        """Write all of them, those of one object one after the other. What has other bytes is read once more.

        Raises:
            LostBytesError: bytes are missing in the store, or others; the tree is then as good as empty.
            HostError: they cannot be read or written.
        """
        large: list[Placed] = []
        small = _without_large(files, large)
        steps = (Step(partial(self._bring_stretch, s), s.length + CHUNK_BYTES) for s in stretches(small))
        try:
            self._lanes.run(chain(steps, self._range_steps(large)))
        finally:
            for fd in self._unfinished:
                os.close(fd)
            self._unfinished.clear()

    def _bring_stretch(self, stretch: Stretch) -> None:
        view = self._ranges.whole(stretch.key, stretch.start, stretch.length)
        for placed in stretch.files:
            begin = placed.offset - stretch.start
            part = view[begin : begin + placed.entry.size]
            if not _is_right(part, placed.entry):
                part = self._ranges.whole(placed.object.key, placed.offset, placed.entry.size)
                if not _is_right(part, placed.entry):
                    raise _other_bytes(placed)
            self._tree.write(placed.entry, part)

    def _range_steps(self, large: Iterable[Placed]) -> Iterator[Step]:
        for placed in large:
            with DiskErrors("write", f"{self._tree.root}/{placed.entry.path}"):
                fd = self._tree.new(placed.entry)
            self._unfinished.add(fd)
            file = LargeFile(fd, placed.entry.size, RANGE_BYTES)
            for start in file.ranges:
                yield Step(partial(self._bring_range, placed, file, start), 2 * CHUNK_BYTES)

    def _bring_range(self, placed: Placed, file: LargeFile, start: int) -> None:
        with DiskErrors("write", f"{self._tree.root}/{placed.entry.path}"):
            self._write(placed, file.fd, start, file.length(start))
            digest = file.arrived(start)
            if digest is None:
                return
            if digest != placed.entry.digest:
                self._bring_again(placed, file.fd)
        self._unfinished.discard(file.fd)
        os.close(file.fd)

    def _bring_again(self, placed: Placed, fd: int) -> None:
        self._write(placed, fd, 0, placed.entry.size)
        os.lseek(fd, 0, os.SEEK_SET)
        if hash_file(fd, placed.entry.size)[0] != placed.entry.digest:
            raise _other_bytes(placed)

    def _write(self, placed: Placed, fd: int, start: int, length: int) -> None:
        at = start
        for chunk in self._ranges.stream(placed.object.key, placed.offset + start, length):
            view = memoryview(chunk)
            while view:
                written = os.pwrite(fd, view, at)
                at += written
                view = view[written:]


def _without_large(files: Iterable[Placed], large: list[Placed]) -> Iterator[Placed]:
    """Pass on what is small; the rest is in `large` when all have been asked for."""
    for placed in files:
        if placed.entry.size >= LARGE_FROM_BYTES:
            large.append(placed)
        else:
            yield placed


def _is_right(data: memoryview, entry: Entry) -> bool:
    return len(data) == entry.size and blake3(data).hexdigest() == entry.digest


def _other_bytes(placed: Placed) -> LostBytesError:
    return LostBytesError(f"`{placed.entry.path}` has other bytes in the store, in `{placed.object.key}`")
