"""What of an artifact is needed where only a part of it was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from traintrack.action.entries import Chosen
from traintrack.action.manifest import Entry, EntryType, Manifest

_LONGEST_PATH = 2000
"""Parts are put together by paths; an artifact with longer ones is taken as a whole, which goes by open folders."""


class Part(Struct, frozen=True):
    """The entries to be here; `subpath` is None if that is the whole artifact, else they lie at or below it."""

    subpath: str | None
    entries: Sequence[Entry]


def needed(manifest: Manifest, subpath: str | None) -> Part | None:
    """Return what must be here so that `subpath` can be read; None if the artifact has no such path.

    Where a link leads into the part or out of it, that is the whole.
    """
    inside = manifest.part(subpath)
    if inside is None:
        return None
    if subpath is None or inside is manifest:
        return Part(None, manifest.entries)
    columns = manifest.columns()
    alone = columns.find(subpath)
    entries = Chosen(columns, columns.below(subpath) if alone is None else (alone,))
    # Through a link to it, the part has other paths than its own.
    if len(entries) != max(1, len(inside.entries)) or any(_is_odd(e) for e in entries):
        return Part(None, manifest.entries)
    return Part(subpath, entries)


def disk_bytes(entries: Sequence[Entry]) -> int:
    """About what the entries take on a disk, in blocks of 4 KiB."""
    return sum(((e.size + 4095) & ~4095) + 256 for e in entries)


def _is_odd(entry: Entry) -> bool:
    return entry.type is EntryType.LINK or len(entry.path) > _LONGEST_PATH
