"""File lists that this process has made or read, so that the consumers of an artifact need not read them again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from traintrack.action.manifest import Manifest
from traintrack.digest import ContentDigest

MOST_ENTRIES = 700_000
"""About 60 MiB of file lists."""

_ENTRIES_OF_EMPTY = 8
"""What a list takes itself, in entries."""


class KnownFiles:
    """The manifests used last, by digest: they never change. Those of more than `MOST_ENTRIES` files are not kept."""

    def __init__(self, most_entries: int = MOST_ENTRIES) -> None:
        self._most = most_entries
        self._guard = threading.Lock()
        self._manifests: OrderedDict[ContentDigest, Manifest] = OrderedDict()
        self._entries = 0

    def manifest(self, digest: ContentDigest) -> Manifest | None:
        """The manifest of that digest, None if it is not known."""
        with self._guard:
            found = self._manifests.get(digest)
            if found is not None:
                self._manifests.move_to_end(digest)
            return found

    def remember(self, digest: ContentDigest, manifest: Manifest) -> None:
        """Keep a manifest, and let go of those not used for longest where there are too many."""
        size = _weight(manifest)
        if size > self._most:
            return
        with self._guard:
            if digest in self._manifests:
                return
            self._manifests[digest] = manifest
            self._entries += size
            while self._entries > self._most:
                _, oldest = self._manifests.popitem(last=False)
                self._entries -= _weight(oldest)


def _weight(manifest: Manifest) -> int:
    return len(manifest.entries) + _ENTRIES_OF_EMPTY
