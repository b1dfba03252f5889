"""Adds files to the parts of an artifact that are here; each appears under its name by one rename, when it is whole."""

from __future__ import annotations

import os
from pathlib import Path

from traintrack.action.manifest import EntryType, Manifest
from traintrack.digest import ArtifactDigest
from traintrack.storages.cache.parts import Part
from traintrack.storages.cache.shelves import PartPlaces
from traintrack.storages.local.files import Files, read_file
from traintrack.storages.local.notes import decode_notes, encode_notes, note_of


def merge(
    places: PartPlaces, files: Files, artifact: ArtifactDigest, manifest: Manifest, part: Part, stage: Path
) -> None:
    """Move the files and empty folders of a part, which has no links, out of a stage; the caller holds the shard's lock.

    Raises:
        OSError: one cannot be moved.
    """
    target = places.artifact(artifact)
    entries = manifest.columns()
    notes = decode_notes(read_file(places.layout(artifact)), artifact, manifest)
    for entry in part.entries:
        path = f"{target}/{entry.path}"
        if entry.type is EntryType.FOLDER:
            os.makedirs(path, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.chmod(stage / entry.path, 0o555 if entry.executable else 0o444)
        os.rename(stage / entry.path, path)
        number = entries.find(entry.path)
        assert number is not None
        notes.put(number, note_of(os.lstat(path)))
    files.write(places.layout(artifact), encode_notes(notes, artifact))
