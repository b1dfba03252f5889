"""Looks whether objects are there with the size that they should have, many at a time."""

from __future__ import annotations

from collections.abc import Iterable

from traintrack.ports.objects import Objects
from traintrack.storages.objects.lanes import Lanes, Step
from traintrack.storages.objects.layout import StoredObject
from traintrack.storages.objects.pace import Pace, patiently

LOOKERS = 64


class Sizes:
    """Asks for sizes, `LOOKERS` at a time unless it is said otherwise."""

    def __init__(self, objects: Objects, pace: Pace, lookers: int = LOOKERS) -> None:
        self._objects, self._pace = objects, pace
        self._lanes = Lanes(lookers)

    def wrong(self, wanted: Iterable[StoredObject]) -> list[tuple[StoredObject, int | None]]:
        """Return the objects that are not there as they should be, sorted by key, with the size that was found.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        found: list[tuple[StoredObject, int | None]] = []

        def look(item: StoredObject) -> None:
            size = patiently(self._pace, f"look for `{item.key}`", lambda: self._objects.size_bytes(item.key))
            if size != item.size_bytes:
                found.append((item, size))

        self._lanes.run(Step(lambda item=item: look(item)) for item in wanted)  # type: ignore[misc]
        return sorted(found, key=lambda pair: pair[0].key)


def wrong_words(item: StoredObject, size_bytes: int | None) -> str:
    """Say what is wrong with an object."""
    if size_bytes is None:
        return f"`{item.key}` is missing"
    return f"`{item.key}` has {size_bytes} bytes, not {item.size_bytes}"
