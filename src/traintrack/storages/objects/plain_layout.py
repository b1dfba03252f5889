"""Where the files of an artifact lie that other tools read by name: a key for each, which ends in the path of the file."""

from __future__ import annotations

from array import array
from typing import Final

from msgspec import Struct

from traintrack.action.manifest import Entry, Manifest
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.layout import StoredObject, filled_files
from traintrack.storages.objects.plain_names import plain_names

LONGEST_KEY: Final = 1024
"""Bytes of a key, with the prefix of the store: S3, "Naming Amazon S3 objects"."""


class PlainPlacement(Struct, frozen=True):
    """Each object with the entry whose bytes it has, and the rows of the layout for the files that are not empty."""

    files: tuple[tuple[StoredObject, Entry], ...]
    rows: array[int]


def place_plainly(manifest: Manifest, keys: Keys, round_: int, outside: int = 0) -> PlainPlacement:
    """Give each file a key of its own, and each link one for each file that it leads to; empty folders have none.

    A file whose key would be too long lies as any other does, by its digest. `outside` is how long all that stands
    before a key is.

    Raises:
        IntegrityError: links to folders multiply the files beyond measure.
    """
    folder = keys.plain(manifest.digest(), round_)
    room = LONGEST_KEY - outside - len(folder)
    files: dict[str, tuple[StoredObject, Entry]] = {}
    for name, entry in plain_names(manifest, None):
        if len(name.encode()) <= room:
            files[folder + name] = (StoredObject(folder + name, entry.size), entry)
        elif entry.size and entry.digest is not None:
            key = keys.blob(entry.digest, round_)
            files[key] = (StoredObject(key, entry.size), entry)
    numbers = {key: number for number, key in enumerate(files)}
    rows = array("q")
    for entry in filled_files(manifest):
        assert entry.digest is not None
        plain = numbers.get(folder + entry.path)
        rows.extend((numbers[keys.blob(entry.digest, round_)] if plain is None else plain, 0))
    return PlainPlacement(tuple(files.values()), rows)
