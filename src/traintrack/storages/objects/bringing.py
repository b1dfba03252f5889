"""Fills a stage with the files, links and folders of an artifact."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from traintrack.action.manifest import Entry, EntryType
from traintrack.storages.local.hashing import hash_file
from traintrack.storages.objects.download import Download
from traintrack.storages.objects.layout import Placed
from traintrack.storages.objects.ranges import Ranges
from traintrack.storages.objects.tree import Tree

_CHUNK = 4 << 20


def bring(ranges: Ranges, entries: Sequence[Entry], files: Iterable[Placed], stage: Path, known: Path | None) -> None:
    """Write all entries below `stage`; what is right in the folder `known` is copied from there.

    Args:
        ranges: where the bytes are read.
        entries: what is to be there.
        files: those of the entries that have bytes, and where these lie.
        stage: an empty folder that nobody else uses.
        known: a folder with some of the files, under the same paths.

    Raises:
        LostBytesError: bytes are missing in the store, or others.
        HostError: they cannot be read or written.
    """
    with Tree(os.fspath(stage)) as tree:
        tree.make_folders(entries)
        for entry in entries:
            if entry.type is EntryType.FILE and not entry.size:
                tree.write(entry, b"")
        Download(ranges, tree).bring(_missing(files, tree, known) if known else files)
        tree.make_links(entries)


def _missing(files: Iterable[Placed], tree: Tree, known: Path) -> Iterator[Placed]:
    with Tree(os.fspath(known)) as source:
        for placed in files:
            if not _copied(placed.entry, source, tree):
                yield placed


def _copied(entry: Entry, source: Tree, target: Tree) -> bool:
    """Copy a file if it is there with its bytes; those that were copied are hashed, as the source may change."""
    try:
        fd = source.open(entry.path)
    except OSError:
        return False
    try:
        if os.fstat(fd).st_size != entry.size:
            return False
        copy = target.new(entry)
        try:
            while data := os.read(fd, _CHUNK):
                os.write(copy, data)
            os.lseek(copy, 0, os.SEEK_SET)
            if hash_file(copy, entry.size)[0] == entry.digest:
                return True
        finally:
            os.close(copy)
        os.unlink(f"{target.root}/{entry.path}")
        return False
    finally:
        os.close(fd)
