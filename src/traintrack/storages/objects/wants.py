"""Wants in a bucket: an object each, written and removed by one request that is never repeated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from traintrack.digest import TargetId
from traintrack.errors import HostError
from traintrack.ports.objects import Objects, UnknownOutcomeError
from traintrack.storages.objects.keys import Keys


class ObjectWants:
    """The wants of one namespace; see `WantPlace`."""

    def __init__(self, objects: Objects, keys: Keys) -> None:
        self._objects, self._keys = objects, keys

    def put(self, id_: TargetId, run: str, data: bytes) -> None:
        """Write an object."""
        with suppress(UnknownOutcomeError, HostError):
            self._objects.put(f"{self._keys.wants(id_)}{run}", data)

    def remove(self, id_: TargetId, run: str) -> None:
        """Remove an object."""
        with suppress(UnknownOutcomeError, HostError):
            self._objects.delete(f"{self._keys.wants(id_)}{run}")

    def read(self, id_: TargetId) -> Iterator[bytes]:
        """Yield what is there."""
        with suppress(UnknownOutcomeError, HostError):
            for key in self._objects.list(self._keys.wants(id_)):
                got = self._objects.get(key)
                if got is not None:
                    yield got.data
