"""Reads layout objects, for who fetches an artifact and for the collector."""

from __future__ import annotations

from traintrack.action.manifest import Manifest
from traintrack.digest import content_digest
from traintrack.errors import IntegrityError
from traintrack.ports.objects import Objects
from traintrack.storages.objects.checked import Damaged, read_checked
from traintrack.storages.objects.keys import Keys, digest_of
from traintrack.storages.objects.layout import Layout, decode_layout, is_data_key, keys_of
from traintrack.storages.objects.pace import Pace


class Layouts:
    """The layouts of one namespace."""

    def __init__(self, objects: Objects, keys: Keys, pace: Pace) -> None:
        self._objects, self._keys, self._pace = objects, keys, pace

    def read(self, key: str, manifest: Manifest) -> Layout:
        """Return the layout of an artifact's files, checked whole.

        Raises:
            IntegrityError: it is missing, damaged, or not of this manifest.
            HostError: it cannot be read.
        """
        return decode_layout(self._data(key), manifest, self._keys)

    def keys(self, key: str) -> frozenset[str]:
        """The keys that a layout names, without its own.

        Raises:
            IntegrityError: it is missing or damaged.
            HostError: it cannot be read.
        """
        return keys_of(self._data(key))

    def _data(self, key: str) -> bytes:
        if not is_data_key(key, self._keys.data):
            raise IntegrityError(f"a result names the layout {key[:120]!r}, which can be none", code="layout-damaged")
        digest = digest_of(key)
        data = read_checked(
            self._objects, self._pace, key, lambda data: data if content_digest(data) == digest else None
        )
        if data is None:
            raise IntegrityError(f"the layout `{key}` is missing", code="layout-missing")
        if isinstance(data, Damaged):
            raise IntegrityError(f"the layout `{key}` has other bytes than its name says", code="layout-damaged")
        return data
