"""The list of what is in an artifact; its digest is the same in every storage (docs/reference/record.md)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec
from blake3 import blake3
from msgspec import Struct

from traintrack.action.links import first_escape, resolve_inside
from traintrack.action.stored import decode_stored
from traintrack.digest import ArtifactDigest, ContentDigest, canonical_json
from traintrack.errors import IntegrityError

MANIFEST_FORMAT = "traintrack/manifest/1"

_FORBIDDEN_NAME = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_NAME = 255
_ROWS_AT_ONCE = 2000
_LONGEST_TARGET = 4095
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class EntryType(str, Enum):
    """What stands at a path; folders are listed only where they are empty."""

    FILE = "file"
    LINK = "link"
    FOLDER = "dir"


class Entry(Struct, frozen=True):
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


class Manifest(Struct, frozen=True):
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
        whole = io.BytesIO()
        whole.writelines(self.canonical_pieces())
        return whole.getvalue()

    def canonical_pieces(self) -> Iterator[bytes]:
        """The same in pieces: a file list of half a million rows takes many times its length while it is encoded."""
        yield b'{"files":['
        for start in range(0, len(self.entries), _ROWS_AT_ONCE):
            rows = canonical_json([_row(e) for e in self.entries[start : start + _ROWS_AT_ONCE]])
            yield b"," + rows[1:-1] if start else rows[1:-1]
        yield b'],"format":"' + MANIFEST_FORMAT.encode() + b'"}'

    def digest(self) -> ArtifactDigest:
        """The artifact digest: BLAKE3 of the canonical bytes."""
        hasher = blake3()
        for piece in self.canonical_pieces():
            hasher.update(piece)
        return ArtifactDigest(hasher.hexdigest())

    def part(self, subpath: str | None) -> Manifest | None:
        """The manifest of a file or folder inside, with paths relative to it; None if there is no such path.

        The path is followed through links. A part in which a link leads out of it depends on more than itself:
        its manifest is then that of the whole artifact.
        """
        if subpath is None:
            return self
        links = {e.path: e.target or "" for e in self.entries if e.type is EntryType.LINK}
        where = resolve_inside(links, subpath) if links else subpath
        if where is None:
            return None
        inside = self if where == "" else self._below(where)
        if inside is None or not links or inside is self:
            return inside
        within = {e.path: e.target or "" for e in inside.entries if e.type is EntryType.LINK}
        return self if first_escape(within) is not None else inside

    def _below(self, path: str) -> Manifest | None:
        prefix = f"{path}/"
        inside: list[Entry] = []
        for entry in self.entries:
            if entry.path == path:
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
    entries = _decoded(data)
    _check(entries)
    manifest = Manifest(entries)
    at = 0
    for piece in manifest.canonical_pieces():
        if not data.startswith(piece, at):
            raise IntegrityError("a manifest is not in canonical form", code="manifest-damaged")
        at += len(piece)
    if at != len(data):
        raise IntegrityError("a manifest is not in canonical form", code="manifest-damaged")
    return manifest


def name_is_allowed(name: str) -> bool:
    """Tell if a file or folder of an artifact may have this name: UTF-8 of at most 255 bytes, no control character."""
    if name in ("", ".", "..") or "/" in name or _FORBIDDEN_NAME.search(name):
        return False
    if name.isascii():
        return len(name) <= _LONGEST_NAME
    try:
        return len(name.encode("utf-8")) <= _LONGEST_NAME
    except UnicodeEncodeError:
        return False


def text_is_allowed(target: str) -> bool:
    """Tell if a link may have this text: not empty, UTF-8, no control character; where it leads is another question."""
    if not target or _FORBIDDEN_NAME.search(target):
        return False
    try:
        return len(target.encode("utf-8")) <= _LONGEST_TARGET
    except UnicodeEncodeError:
        return False


class _Row(msgspec.Struct):
    path: str
    type: EntryType
    exec: bool = False
    size: int = 0
    digest: str | None = None
    target: str | None = None


class _Stored(msgspec.Struct):
    format: str
    files: list[_Row]


def _decoded(data: bytes) -> tuple[Entry, ...]:
    try:
        raw = decode_stored(data, _Stored)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"a manifest cannot be read: {error}", code="manifest-damaged") from error
    if raw.format != MANIFEST_FORMAT:
        raise IntegrityError(f"a manifest has the unknown format `{raw.format}`", code="manifest-format")
    return tuple(
        Entry(r.path, r.type, r.exec, r.size, ContentDigest(r.digest) if r.digest else None, r.target)
        for r in raw.files
    )


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
    leaves: set[str] = set()
    folders: set[str] = {""}
    previous = b""
    for number, entry in enumerate(entries):
        raw = entry.path.encode("utf-8", "surrogatepass")
        if number and raw <= previous:
            raise _hostile("its paths are not sorted, or one stands twice", entry.path)
        previous = raw
        _check_entry(entry, alone=len(entries) == 1)
        leaves.add(entry.path)
        _note_parents(entry.path, folders)
    clash = min(leaves & folders, default="")
    if clash:
        raise _hostile("a file or link stands where it needs a folder", clash)
    links = {e.path: e.target or "" for e in entries if e.type is EntryType.LINK}
    escaping = first_escape(links) if links else None
    if escaping is not None:
        raise _hostile("a link leaves its folder or leads in a circle", escaping)


def _note_parents(path: str, folders: set[str]) -> None:
    """Add the folders above a path; those above a known one are known."""
    end = path.rfind("/")
    while end > 0 and path[:end] not in folders:
        folders.add(path[:end])
        end = path.rfind("/", 0, end)


def _check_entry(entry: Entry, *, alone: bool) -> None:
    single = entry.path == "" and alone and entry.type is not EntryType.FOLDER
    if not single and not all(name_is_allowed(part) for part in entry.path.split("/")):
        raise _hostile("a path could leave its folder or has characters that no name may have", entry.path)
    if entry.type is EntryType.FILE and (entry.size < 0 or not _DIGEST.match(entry.digest or "")):
        raise _hostile("a file has no size or digest", entry.path)
    if entry.type is EntryType.LINK and (single or not text_is_allowed(entry.target or "")):
        raise _hostile("a link has a text that no link may have", entry.path)


def _hostile(why: str, path: str) -> IntegrityError:
    return IntegrityError(f"a manifest is refused: {why}: {path!r}", code="manifest-refused")
