"""The entries of an artifact, in columns: half a million of them take a few dozen MiB, and as many values ten times that."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import overload

from msgspec import Struct

from traintrack.digest import ContentDigest


class EntryType(str, Enum):
    """What stands at a path; folders are listed only where they are empty."""

    FILE = "file"
    LINK = "link"
    FOLDER = "dir"


class Entry(Struct, frozen=True, gc=False):
    """One path of an artifact.

    `path` is relative with `/`, never empty but in the manifest of a single file, without `.` and `..`.
    `size` in bytes and `digest` are of files; `target` is of links, relative and inside the artifact.
    """

    path: str
    type: EntryType = EntryType.FILE
    executable: bool = False
    size: int = 0
    digest: ContentDigest | None = None
    target: str | None = None


_TYPES = tuple(EntryType)
_NUMBER_OF = {kind: number for number, kind in enumerate(_TYPES)}
_TYPE, _EXECUTABLE, _HAS_DIGEST = 3, 4, 8
_DIGEST_BYTES = 32
_NO_DIGEST = bytes(_DIGEST_BYTES)
_LINKS = frozenset(
    _NUMBER_OF[EntryType.LINK] | flags for flags in (0, _EXECUTABLE, _HAS_DIGEST, _EXECUTABLE | _HAS_DIGEST)
)


class Entries(Sequence[Entry]):
    """Entries that never change; each value is made when it is asked for. `EntryColumns` fills one.

    `find` and `below` are for entries that are sorted by the bytes of their paths.
    """

    __slots__ = ("_digests", "_ends", "_kinds", "_odd_digests", "_paths", "_sizes", "_targets")

    def __init__(self, columns: EntryColumns) -> None:
        self._paths, self._ends = bytes(columns.paths), columns.ends
        self._kinds, self._sizes = bytes(columns.kinds), columns.sizes
        self._digests = bytes(columns.digests)
        self._odd_digests, self._targets = columns.odd_digests, columns.targets

    def __len__(self) -> int:
        return len(self._kinds)

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Entry, ...]: ...

    def __getitem__(self, index: int | slice) -> Entry | tuple[Entry, ...]:
        if isinstance(index, slice):
            return tuple(self._entry(number) for number in range(*index.indices(len(self))))
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        return self._entry(number)

    def __iter__(self) -> Iterator[Entry]:
        return map(self._entry, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Entries):
            return all(getattr(self, name) == getattr(other, name) for name in Entries.__slots__)
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash((self._paths, self._digests))

    def __repr__(self) -> str:
        return repr(tuple(self))

    @property
    def size_bytes(self) -> int:
        """The sum of all sizes."""
        return sum(self._sizes)

    def raw_path(self, number: int) -> bytes:
        """The path of an entry in UTF-8."""
        return self._paths[self._ends[number] : self._ends[number + 1]]

    def raw_digest(self, number: int) -> bytes:
        """The digest of an entry as bytes; other than 32 of them where it is no BLAKE3."""
        if number in self._odd_digests:
            return self._odd_digests[number].encode("utf-8", "surrogatepass") + b"?" * (_DIGEST_BYTES + 1)
        return self._digests[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES]

    def find(self, path: str) -> int | None:
        """Which entry has a path, None if there is none."""
        raw = path.encode("utf-8", "surrogatepass")
        number = bisect_left(range(len(self)), raw, key=self.raw_path)
        return number if number < len(self) and self.raw_path(number) == raw else None

    def below(self, folder: str) -> range:
        """Which entries lie in a folder or deeper; all of them where `folder` is empty."""
        if not folder:
            return range(len(self))
        raw = folder.encode("utf-8", "surrogatepass")
        numbers = range(len(self))
        # `0` is what follows `/`.
        return range(*(bisect_left(numbers, raw + end, key=self.raw_path) for end in (b"/", b"0")))

    def links(self) -> dict[str, str]:
        """The links, with where they lead."""
        if _LINKS.isdisjoint(self._kinds):
            return {}
        links = (self[number] for number, kind in enumerate(self._kinds) if kind in _LINKS)
        return {entry.path: entry.target or "" for entry in links}

    def _entry(self, number: int) -> Entry:
        kind = self._kinds[number]
        digest = None
        if kind & _HAS_DIGEST:
            digest = self._digests[number * _DIGEST_BYTES : (number + 1) * _DIGEST_BYTES].hex()
        elif self._odd_digests:
            digest = self._odd_digests.get(number)
        return Entry(
            self._paths[self._ends[number] : self._ends[number + 1]].decode("utf-8", "surrogatepass"),
            _TYPES[kind & _TYPE],
            kind & _EXECUTABLE != 0,
            self._sizes[number],
            None if digest is None else ContentDigest(digest),
            self._targets.get(number) if self._targets else None,
        )


class Chosen(Sequence[Entry]):
    """Some entries, by their numbers."""

    __slots__ = ("_entries", "numbers")

    def __init__(self, entries: Sequence[Entry], numbers: Sequence[int]) -> None:
        self._entries, self.numbers = entries, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> Chosen: ...

    def __getitem__(self, index: int | slice) -> Entry | Chosen:
        if isinstance(index, slice):
            return Chosen(self._entries, self.numbers[index])
        return self._entries[self.numbers[index]]

    def __iter__(self) -> Iterator[Entry]:
        return (self._entries[number] for number in self.numbers)


class EntryColumns:
    """Entries as they are gathered, one by one."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.paths, self.ends = bytearray(), array("Q", [0])
        self.kinds, self.sizes = bytearray(), array("q")
        self.digests = bytearray()
        self.odd_digests: dict[int, str] = {}
        self.targets: dict[int, str] = {}

    def add(self, entry: Entry) -> None:
        """Append an entry.

        Raises:
            OverflowError: no file has that size.
        """
        self.sizes.append(entry.size)
        number, digest = len(self.kinds), entry.digest
        raw = _raw_digest(digest)
        flags = (_EXECUTABLE if entry.executable else 0) | (_HAS_DIGEST if raw is not None else 0)
        self.kinds.append(_NUMBER_OF[entry.type] | flags)
        self.digests += raw or _NO_DIGEST
        self.paths += entry.path.encode("utf-8", "surrogatepass")
        self.ends.append(len(self.paths))
        if digest is not None and raw is None:
            self.odd_digests[number] = digest
        if entry.target is not None:
            self.targets[number] = entry.target

    def finished(self) -> Entries:
        """The entries in the order in which they came; nothing is left here."""
        entries = Entries(self)
        self._clear()
        return entries

    def sorted(self) -> Entries:
        """The entries by the bytes of their paths; nothing is left here."""
        source = self.finished()
        for number in sorted(range(len(source)), key=source.raw_path):
            self.add(source[number])
        return self.finished()


def in_columns(entries: Iterable[Entry]) -> Entries:
    """Return the entries sorted by the bytes of their paths; those in columns are."""
    if isinstance(entries, Entries):
        return entries
    columns = EntryColumns()
    for entry in entries:
        columns.add(entry)
    return columns.sorted()


def _raw_digest(digest: str | None) -> bytes | None:
    if digest is None:
        return None
    try:
        raw = bytes.fromhex(digest)
    except ValueError:
        return None
    return raw if len(raw) == _DIGEST_BYTES and raw.hex() == digest else None
