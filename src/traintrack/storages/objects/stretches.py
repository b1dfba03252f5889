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
    """A part of an object, and the files in it, sorted by where they begin."""

    key: str
    start: int
    length: int
    files: tuple[Placed, ...]


def stretches(files: Iterable[Placed]) -> Iterator[Stretch]:
    """Merge files that lie near each other in one object."""
    by_object: dict[str, list[Placed]] = {}
    for placed in files:
        by_object.setdefault(placed.object.key, []).append(placed)
    for key in list(by_object):
        yield from _of_object(key, sorted(by_object.pop(key), key=lambda placed: placed.offset))


def _of_object(key: str, files: list[Placed]) -> Iterator[Stretch]:
    taken: list[Placed] = []
    start = end = 0
    for placed in files:
        until = placed.offset + placed.entry.size
        if taken and (placed.offset - end > GAP_BYTES or until - start > MOST_BYTES):
            yield Stretch(key, start, end - start, tuple(taken))
            taken = []
        if not taken:
            start = end = placed.offset
        taken.append(placed)
        end = max(end, until)
    if taken:
        yield Stretch(key, start, end - start, tuple(taken))
