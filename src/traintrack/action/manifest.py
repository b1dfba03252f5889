"""The list of what is in an artifact; its digest is the same in every storage (docs/reference/record.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import msgspec

from traintrack.digest import ArtifactDigest, ContentDigest, canonical_json, content_digest
from traintrack.errors import IntegrityError

MANIFEST_FORMAT = "traintrack/manifest/1"

_FORBIDDEN_NAME = re.compile(r"[\x00-\x1f\x7f]")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class EntryType(str, Enum):
    """What stands at a path; folders are listed only where they are empty."""

    FILE = "file"
    LINK = "link"
    FOLDER = "dir"


@dataclass(frozen=True, slots=True)
class Entry:
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


@dataclass(frozen=True, slots=True)
class Manifest:
    """Entries sorted by the bytes of their paths. An artifact that is one file has one entry with path ``""``."""

    entries: tuple[Entry, ...]

    @property
    def size_bytes(self) -> int:
        """The sum of all file sizes."""
        return sum(e.size for e in self.entries)

    @property
    def files(self) -> int:
        """How many files and links there are."""
        return sum(e.type is not EntryType.FOLDER for e in self.entries)

    def canonical(self) -> bytes:
        """The bytes that are hashed and stored."""
        rows = [_row(e) for e in self.entries]
        return canonical_json({"files": rows, "format": MANIFEST_FORMAT})

    def digest(self) -> ArtifactDigest:
        """The artifact digest: BLAKE3 of the canonical bytes."""
        return ArtifactDigest(content_digest(self.canonical()))

    def part(self, subpath: str | None) -> Manifest | None:
        """The manifest of a file or folder inside, with paths relative to it; None if there is no such path."""
        if subpath is None:
            return self
        prefix = f"{subpath}/"
        inside: list[Entry] = []
        for entry in self.entries:
            if entry.path == subpath:
                if entry.type is EntryType.FOLDER:
                    return Manifest(())
                return Manifest((_moved(entry, ""),))
            if entry.path.startswith(prefix):
                inside.append(_moved(entry, entry.path[len(prefix) :]))
        return Manifest(tuple(inside)) if inside else None


def make_manifest(entries: Iterable[Entry]) -> Manifest:
    """Sort the entries by the bytes of their paths."""
    return Manifest(tuple(sorted(entries, key=lambda e: e.path.encode("utf-8"))))


def read_manifest(data: bytes) -> Manifest:
    """Read a stored manifest and check it whole: nothing of it is used if a part is wrong.

    Raises:
        IntegrityError: it is not a manifest, or names a path that could leave its folder.
    """
    try:
        raw = msgspec.json.decode(data, type=_Stored)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"a manifest cannot be read: {error}", code="manifest-damaged") from error
    if raw.format != MANIFEST_FORMAT:
        raise IntegrityError(f"a manifest has the unknown format `{raw.format}`", code="manifest-format")
    entries = tuple(
        Entry(r.path, EntryType(r.type), r.exec, r.size, ContentDigest(r.digest) if r.digest else None, r.target)
        for r in raw.files
    )
    _check(entries)
    manifest = Manifest(entries)
    if manifest.canonical() != data:
        raise IntegrityError("a manifest is not in canonical form", code="manifest-damaged")
    return manifest


def link_stays_inside(path: str, target: str) -> bool:
    """Tell if a link at `path` with text `target` points into its own artifact, by its text alone."""
    if target.startswith("/") or not target:
        return False
    depth = path.count("/")
    for part in target.split("/"):
        if part in ("", "."):
            continue
        depth += -1 if part == ".." else 1
        if depth < 0:
            return False
    return True


class _Row(msgspec.Struct):
    path: str
    type: str
    exec: bool = False
    size: int = 0
    digest: str | None = None
    target: str | None = None


class _Stored(msgspec.Struct):
    format: str
    files: list[_Row]


def _row(entry: Entry) -> dict[str, str | int | bool | None]:
    row: dict[str, str | int | bool | None] = {"path": entry.path, "type": entry.type.value}
    if entry.type is EntryType.FILE:
        row |= {"exec": entry.executable, "size": entry.size, "digest": entry.digest}
    if entry.type is EntryType.LINK:
        row["target"] = entry.target
    return row


def _moved(entry: Entry, path: str) -> Entry:
    return Entry(path, entry.type, entry.executable, entry.size, entry.digest, entry.target)


def _check(entries: tuple[Entry, ...]) -> None:
    seen: set[str] = set()
    previous = b""
    for number, entry in enumerate(entries):
        raw = entry.path.encode("utf-8", "surrogatepass")
        if number and raw <= previous:
            raise _hostile("its paths are not sorted, or one stands twice", entry.path)
        previous = raw
        _check_path(entry, alone=len(entries) == 1)
        parents = entry.path.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            if "/".join(parents[:depth]) in seen:
                raise _hostile("a file or link stands where it needs a folder", entry.path)
        seen.add(entry.path)


def _check_path(entry: Entry, *, alone: bool) -> None:
    parts = entry.path.split("/")
    if entry.path == "" and alone and entry.type is not EntryType.FOLDER:
        parts = ["file"]
    if any(
        p in ("", ".", "..") or _FORBIDDEN_NAME.search(p) or len(p.encode("utf-8", "surrogatepass")) > 255
        for p in parts
    ):
        raise _hostile("a path could leave its folder or has characters that no name may have", entry.path)
    if entry.type is EntryType.FILE and (entry.size < 0 or not _DIGEST.match(entry.digest or "")):
        raise _hostile("a file has no size or digest", entry.path)
    if entry.type is EntryType.LINK and not link_stays_inside(entry.path, entry.target or ""):
        raise _hostile("a link leaves its folder", entry.path)


def _hostile(why: str, path: str) -> IntegrityError:
    return IntegrityError(f"a manifest is refused: {why}: {path!r}", code="manifest-refused")
