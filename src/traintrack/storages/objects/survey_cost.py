"""Adds up what a look at every byte of a namespace would read, from listings alone."""

from __future__ import annotations

from traintrack.ports.verify import Cost, Scope
from traintrack.storages.objects.keys import NEWEST_RUNS, RUNS
from traintrack.storages.objects.survey_reading import Reading

_PAGE = 1000
_OF_A_CELL = 3
"""Record, file list and layout are read with a cell, whatever share of the bytes is."""


def cost(reading: Reading, scope: Scope) -> Cost | None:
    """Say about what a look reads; None for chosen IDs, whose layouts would have to be read for it.

    Raises:
        HostError: the bucket cannot be listed.
    """
    if scope.ids is not None:
        return None
    keys = reading.keys
    requests = size = 0
    hint = f"{keys.namespace}/hint/"
    for prefix, each in ((keys.cells, 1 + _OF_A_CELL), (RUNS, 1), (NEWEST_RUNS, 1), ("label/", 1), (hint, 1)):
        objects, _ = _sum(reading, prefix)
        requests += each * objects + objects // _PAGE + 1
    for prefix in (keys.data, "kept/", "kept-named/"):
        objects, size_bytes = _sum(reading, prefix)
        requests += int(scope.share * objects) + objects // _PAGE + 1
        size += int(scope.share * size_bytes)
    return Cost(requests, size)


def _sum(reading: Reading, prefix: str) -> tuple[int, int]:
    objects = size_bytes = 0
    for entry in reading.entries(prefix):
        objects += 1
        size_bytes += entry.size_bytes
    return objects, size_bytes
