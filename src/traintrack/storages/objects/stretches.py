"""Decides what is read of which object in one request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from traintrack.storages.objects.layout import Placed

MOST_BYTES = 8 << 20
"""A stretch is held in memory, so none is longer."""

GAP_BYTES = 256 << 10
"""To read over so much that nobody wants is quicker than to ask twice."""

LARGE_FROM_BYTES = 8 << 20
"""A file of this size or more is read in ranges, straight into its place."""

RANGE_BYTES = 8 << 20


class Stretch(Struct, frozen=True):
    """A part of an object, and the files in it."""

    key: str
    start: int
    length: int
    files: tuple[Placed, ...]


def stretches(files: Iterable[Placed]) -> Iterator[Stretch]:
    """Merge files that come one after another and lie near each other in one object."""
    taken: list[Placed] = []
    end = 0
    for placed in files:
        if taken and not _goes_on(taken[0], end, placed):
            yield _stretch(taken, end)
            taken = []
        end = max(end, _end(placed)) if taken else _end(placed)
        taken.append(placed)
    if taken:
        yield _stretch(taken, end)


def _goes_on(first: Placed, end: int, placed: Placed) -> bool:
    if placed.object.key != first.object.key or placed.offset < first.offset:
        return False
    return placed.offset - end <= GAP_BYTES and _end(placed) - first.offset <= MOST_BYTES


def _end(placed: Placed) -> int:
    return placed.offset + placed.entry.size


def _stretch(files: list[Placed], end: int) -> Stretch:
    start = files[0].offset
    return Stretch(files[0].object.key, start, end - start, tuple(files))
