"""What is different between two manifests, file by file."""

from __future__ import annotations

from msgspec import Struct

from traintrack.action.manifest import Entry, Manifest


class FileDifference(Struct, frozen=True):
    """A path that two manifests do not describe alike; an entry is None where there is none."""

    path: str
    before: Entry | None
    after: Entry | None


def file_differences(before: Manifest, after: Manifest) -> tuple[FileDifference, ...]:
    """Return what differs, sorted by path; empty if the manifests have one digest."""
    old = {entry.path: entry for entry in before.entries}
    new = {entry.path: entry for entry in after.entries}
    paths = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    return tuple(FileDifference(path, old.get(path), new.get(path)) for path in paths)
