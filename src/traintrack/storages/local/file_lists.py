"""The manifests of results, out of what is kept: read once, checked, and remembered where they are not too long."""

from __future__ import annotations

from traintrack.action.cell import Result
from traintrack.action.manifest import Manifest, read_manifest
from traintrack.digest import ContentDigest
from traintrack.errors import IntegrityError
from traintrack.ports.storage import Kept
from traintrack.storages.local.known_files import KnownFiles


class FileLists:
    """Reads manifests; safe between threads."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._known = KnownFiles()

    def read(self, result: Result) -> Manifest:
        """Return the manifest of a result.

        Raises:
            IntegrityError: it is missing or damaged.
            HostError: it cannot be read.
        """
        known = self._known.manifest(result.manifest)
        if known is not None:
            return known
        data = self._kept.get(result.manifest)
        if data is None:
            raise IntegrityError(
                f"the file list of artifact {result.artifact[:12]} is missing",
                code="manifest-missing",
                hint="traintrack verify --repair  # then run the target again",
            )
        manifest = read_manifest(data)
        self._known.remember(result.manifest, manifest)
        return manifest

    def remember(self, digest: ContentDigest, manifest: Manifest) -> None:
        """Take a manifest that was just made, so that it need not be read."""
        self._known.remember(digest, manifest)
