"""What can still be read of a result whose bytes were removed: its small files, as they were kept."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from traintrack.action.cell import Cell, CellState
from traintrack.action.manifest import Entry, Manifest, make_manifest, read_manifest
from traintrack.action.record import Record
from traintrack.app.environment import cache_folder
from traintrack.app.recorded import read_record
from traintrack.app.small_files import small_files
from traintrack.digest import ContentDigest
from traintrack.errors import HostError, TraintrackError
from traintrack.ports.storage import Storage

_RECORDS_LOOKED_AT = 50


class KeptFiles(Struct, frozen=True):
    """Small files of a result that went; `manifest` lists them alone, `source` is the digest of its whole file list."""

    source: ContentDigest
    manifest: Manifest


def find_kept(storage: Storage, cell: Cell | None) -> KeptFiles | None:
    """The small files that are kept of the last result of a cell that has none now; None if there are none."""
    if cell is None or cell.state is CellState.DONE:
        return None
    source = next((digest for record in _records(storage, cell) if (digest := _file_list(record)) is not None), None)
    if source is None:
        return None
    try:
        data = storage.kept.get(source)
        entries = [e for e in small_files(read_manifest(data)) if _bytes(storage, e) is not None] if data else []
    except TraintrackError:
        return None
    return KeptFiles(source, make_manifest(entries)) if entries else None


def unfold(storage: Storage, files: KeptFiles) -> Path:
    """Write the files below a folder of the cache, if they are not there, and return it.

    Raises:
        HostError: they cannot be written, or were removed meanwhile.
    """
    root = cache_folder() / "kept-files" / files.source
    for entry in files.manifest.entries:
        data = _bytes(storage, entry)
        if data is None:
            raise HostError(f"`{entry.path}` went at this moment", code="kept-gone", hint="pull it again")
        place = root / entry.path
        try:
            if not place.is_file() or place.read_bytes() != data:
                _put(place, data)
        except OSError as error:
            message = f"`{place}` cannot be written: {(error.strerror or str(error)).lower()}"
            raise HostError(message, code="copy-failed", hint="free space, or set XDG_CACHE_HOME") from error
    return root


def _records(storage: Storage, cell: Cell) -> Iterator[Record]:
    """The records that stood for a cell, newest first."""
    digest = cell.previous_record
    for _ in range(_RECORDS_LOOKED_AT):
        record = read_record(storage, digest)
        if record is None:
            return
        yield record
        digest = record.previous


def _file_list(record: Record) -> ContentDigest | None:
    """Where the file list of a result is kept; an artifact's digest is that of its list."""
    return record.manifest or (ContentDigest(record.artifact) if record.artifact is not None else None)


def _bytes(storage: Storage, entry: Entry) -> bytes | None:
    return storage.kept.get(entry.digest) if entry.digest is not None else None


def _put(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    made = place.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        made.write_bytes(data)
        os.replace(made, place)
    finally:
        made.unlink(missing_ok=True)
