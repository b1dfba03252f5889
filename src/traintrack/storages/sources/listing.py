"""The listing of a source: what a store says is there, and the digest of that (docs/reference/target-id.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator

from traintrack.action.manifest import name_is_allowed, text_is_allowed
from traintrack.digest import JsonValue, NotCanonicalError, canonical_json
from traintrack.errors import InputError
from traintrack.ports.sources import SourceEntry

LISTING_FORMAT = "traintrack/listing/1"


class ListingDigest:
    """The SHA-256 of a listing, which grows row by row and is never whole in memory."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256(header())
        self.files = 0
        self.size_bytes = 0

    def add(self, entry: SourceEntry) -> bytes:
        """Take in the next entry and return its row.

        Raises:
            InputError: the entry has a name that no file can have here.
        """
        row = row_of(entry)
        self._hash.update(row)
        self.files += 1
        self.size_bytes += entry.size_bytes or 0
        return row

    def hexdigest(self) -> str:
        """The digest of what was taken in."""
        return self._hash.hexdigest()


def header() -> bytes:
    """The first line of every listing."""
    return canonical_json(LISTING_FORMAT) + b"\n"


def row_of(entry: SourceEntry) -> bytes:
    """Return the line of an entry: path, size and version; of a link its text stands for the version.

    Raises:
        InputError: the entry has a name that no file can have here, and that could lead elsewhere.
    """
    if not all(map(name_is_allowed, entry.path.split("/"))):
        raise _refused(entry.path, "has a name that no file may have: it is not UTF-8, has control characters or `..`")
    if entry.target is not None and not text_is_allowed(entry.target):
        raise _refused(entry.path, "is a link whose text is not UTF-8 or has control characters")
    version = entry.version if entry.target is None else f"-> {entry.target}"
    row: list[JsonValue] = [entry.path, entry.size_bytes, version]
    try:
        return canonical_json(row) + b"\n"
    except NotCanonicalError as error:
        raise _refused(entry.path, "has a version that is not UTF-8") from error


def first_difference(old: Iterable[bytes], new: Iterable[bytes]) -> str | None:
    """Say in words where two listings, sorted rows with their header, part; None if they do not."""
    before, after = _Rows(old), _Rows(new)
    while before.row is not None or after.row is not None:
        if before.row == after.row:
            before.step()
            after.step()
            continue
        if after.row is None or (before.row is not None and before.key < after.key):
            return f"`{before.name}` is gone"
        if before.row is None or after.key < before.key:
            return f"`{after.name}` is new"
        return f"`{before.name}` was {before.words} and is {after.words}"
    return None


class _Rows:
    """A listing, read row by row."""

    def __init__(self, rows: Iterable[bytes]) -> None:
        self._rows: Iterator[bytes] = iter(rows)
        self.step()
        self.step()  # The header is no row.

    def step(self) -> None:
        self.row = next(self._rows, None)
        self.name, self.words = ("", "") if self.row is None else _read(self.row)
        self.key = self.name.encode()


def _read(row: bytes) -> tuple[str, str]:
    found = json.loads(row)
    if not isinstance(found, list):
        return "", ""
    path, size, version = found
    return str(path), f"{'of unknown size' if size is None else f'{size:,} bytes'} ({version or 'no version'})"


def _refused(path: str, why: str) -> InputError:
    shown = path if path.isprintable() else path.encode("unicode_escape", "surrogateescape").decode("ascii", "replace")
    hint = "rename it where it lies, or name a folder that does not hold it"
    return InputError(f"the data is refused: `{shown[:200]}` {why}", code="source-refused", hint=hint)
