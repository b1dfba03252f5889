"""Where the bytes of an artifact's files lie: the layout object, which a cell names and the collector follows.

```
{"format": "traintrack/layout/2", "objects": [[key, size], …], "rows": [object, offset, object, offset, …]}
```

`rows` has two numbers for each file of the manifest that is not empty, in the manifest's order: the index of the object
that holds its bytes, and where they begin in it. Equal files have equal rows. Sizes and digests stand in the manifest.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Container, Iterator, Sequence

import msgspec
from msgspec import Struct

from traintrack.action.manifest import Entry, EntryType, Manifest, name_is_allowed
from traintrack.action.stored import decode_stored
from traintrack.errors import IntegrityError
from traintrack.storages.objects.keys import PLAIN, Keys

LAYOUT_FORMAT = "traintrack/layout/2"

_PLAIN = re.compile(PLAIN + r"[0-9a-f]{64}\.[0-9]{1,15}/")
_BLOB = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.[0-9]{1,15}\Z")
_LARGEST = 1 << 53


class StoredObject(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An object that holds bytes of files, and how long it is."""

    key: str
    size_bytes: int


class Placed(Struct, frozen=True):
    """A file that is not empty, and where its bytes begin in which object."""

    entry: Entry
    object: StoredObject
    offset: int


class Layout(Struct, frozen=True):
    """A layout that fits its manifest: every file of it lies inside its object."""

    objects: tuple[StoredObject, ...]
    rows: array[int]

    def placed(self, manifest: Manifest) -> Iterator[Placed]:
        """The files of the manifest that are not empty, in its order."""
        numbers = iter(self.rows)
        for entry, number, offset in zip(filled_files(manifest), numbers, numbers, strict=True):
            yield Placed(entry, self.objects[number], offset)

    def by_object(self, manifest: Manifest, wanted: Container[int]) -> Iterator[Placed]:
        """The same by the object that they lie in and their place there; only those whose number in the manifest is wanted."""
        entries, rows = manifest.entries, self.rows
        filled = array("L", (n for n, e in enumerate(entries) if e.type is EntryType.FILE and e.size))
        order = array("L", (place for place, number in enumerate(filled) if number in wanted))
        for place in array("L", sorted(order, key=lambda place: rows[2 * place] << 53 | rows[2 * place + 1])):
            yield Placed(entries[filled[place]], self.objects[rows[2 * place]], rows[2 * place + 1])


class _Stored(Struct, forbid_unknown_fields=True):
    format: str
    objects: list[StoredObject]
    rows: list[int]


class _Named(Struct):
    format: str
    objects: list[StoredObject]


def filled_files(manifest: Manifest) -> Iterator[Entry]:
    """The files that have bytes, in the manifest's order."""
    return (e for e in manifest.entries if e.type is EntryType.FILE and e.size)


def encode_layout(objects: Sequence[StoredObject], rows: array[int]) -> bytes:
    """Return the JSON bytes of a layout; equal layouts have equal bytes."""
    return msgspec.json.encode(_Stored(LAYOUT_FORMAT, list(objects), rows.tolist()))


def decode_layout(data: bytes, manifest: Manifest, keys: Keys) -> Layout:
    """Read a stored layout and check it whole: nothing outside of the namespace's data can be read by it.

    Raises:
        IntegrityError: it is damaged, of another format, or not of this manifest.
    """
    try:
        stored = decode_stored(data, _Stored)
    except msgspec.MsgspecError as error:
        raise _damaged(f"cannot be read: {error}") from error
    _demand_format(stored.format)
    for item in stored.objects:
        _demand_object(item, keys.data)
    if len({item.key for item in stored.objects}) != len(stored.objects):
        raise _damaged("names an object twice")
    try:
        rows = array("q", stored.rows)
    except OverflowError as error:
        raise _damaged("has a number that is too large") from error
    _demand_rows(rows, manifest, [item.size_bytes for item in stored.objects])
    return Layout(tuple(stored.objects), rows)


def keys_of(data: bytes) -> frozenset[str]:
    """The keys that a layout names, without its own.

    Raises:
        IntegrityError: it is damaged or of another format.
    """
    try:
        stored = decode_stored(data, _Named)
    except msgspec.MsgspecError as error:
        raise _damaged(f"cannot be read: {error}") from error
    _demand_format(stored.format)
    return frozenset(item.key for item in stored.objects)


def is_data_key(key: str, prefix: str) -> bool:
    """Tell if this can be the key of bytes or a layout, named by them; `prefix` is that of all data of the namespace."""
    return key.startswith(prefix) and _BLOB.match(key, len(prefix)) is not None


def plain_folder(key: str, prefix: str) -> str | None:
    """What comes before the name of a file in a key that ends in that; None if this can be none. `prefix` as above."""
    found = _PLAIN.match(key, len(prefix)) if key.startswith(prefix) else None
    if found is None or not all(map(name_is_allowed, key[found.end() :].split("/"))):
        return None
    return key[: found.end()]


def _demand_format(found: str) -> None:
    if found != LAYOUT_FORMAT:
        raise IntegrityError(
            f"a layout has the unknown format `{found[:40]}`", code="layout-format", hint="use a newer traintrack"
        )


def _demand_object(item: StoredObject, prefix: str) -> None:
    is_plain = plain_folder(item.key, prefix) is not None
    if not is_plain and not is_data_key(item.key, prefix):
        raise _damaged(f"names the key {item.key[:120]!r}, which is none of `{prefix}`")
    if not (0 if is_plain else 1) <= item.size_bytes < _LARGEST:
        raise _damaged(f"says that `{item.key}` has {item.size_bytes} bytes")


def _demand_rows(rows: array[int], manifest: Manifest, sizes: Sequence[int]) -> None:
    files = sum(1 for _ in filled_files(manifest))
    if len(rows) != 2 * files:
        raise _damaged(f"has {len(rows)} numbers for {files} files")
    numbers = iter(rows)
    for entry, number, offset in zip(filled_files(manifest), numbers, numbers, strict=True):
        if not 0 <= number < len(sizes):
            raise _damaged(f"names no object for `{entry.path}`")
        if not 0 <= offset <= sizes[number] - entry.size:
            raise _damaged(f"places `{entry.path}` outside of its object")


def _damaged(what: str) -> IntegrityError:
    return IntegrityError(f"a layout {what}", code="layout-damaged")
