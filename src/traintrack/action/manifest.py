"""The list of what is in an artifact; its digest is the same in every storage (docs/reference/record.md)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from json.encoder import encode_basestring

import msgspec
from blake3 import blake3
from msgspec import Struct

from traintrack.action.entries import Entries, Entry, EntryColumns, EntryType, in_columns
from traintrack.action.links import first_escape, resolve_inside
from traintrack.action.stored import decode_stored
from traintrack.digest import ArtifactDigest, ContentDigest, NotCanonicalError
from traintrack.errors import IntegrityError

__all__ = [
    "MANIFEST_FORMAT",
    "Entry",
    "EntryType",
    "Manifest",
    "make_manifest",
    "name_is_allowed",
    "read_manifest",
    "text_is_allowed",
]

MANIFEST_FORMAT = "traintrack/manifest/1"

_FORBIDDEN_NAME = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_NAME = 255
_ROWS_AT_ONCE = 2000
_BYTES_AT_ONCE = 1 << 18
_LONGEST_TARGET = 4095
_BEGIN = b'{"files":['
_END = b'],"format":"' + MANIFEST_FORMAT.encode() + b'"}'
_NEXT_ROW = re.compile(rb'\},\{"(?:digest|path)":')
"""Between two rows, and never inside a text of JSON, where every quote stands behind a backslash."""

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Manifest(Struct, frozen=True):
    """Entries sorted by the bytes of their paths. An artifact that is one file has one entry with path ``""``."""

    entries: Sequence[Entry]

    @property
    def size_bytes(self) -> int:
        """The sum of all file sizes."""
        return sum(e.size for e in self.entries)

    @property
    def files(self) -> int:
        """How many files and links there are."""
        return sum(e.type is not EntryType.FOLDER for e in self.entries)

    def columns(self) -> Entries:
        """The entries in columns, in which each is found by its path."""
        return in_columns(self.entries)

    def canonical(self) -> bytes:
        """The bytes that are hashed and stored."""
        whole = io.BytesIO()
        whole.writelines(self.canonical_pieces())
        return whole.getvalue()

    def canonical_pieces(self) -> Iterator[bytes]:
        """The same in pieces: a file list of half a million rows takes many times its length while it is encoded."""
        yield _BEGIN
        rows, comma = map(_row, self.entries), ""
        while piece := ",".join(islice(rows, _ROWS_AT_ONCE)):
            yield _utf8(comma + piece)
            comma = ","
        yield _END

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
        entries = self.columns()
        links = entries.links()
        where = resolve_inside(links, subpath) if links else subpath
        if where is None:
            return None
        inside = self if where == "" else _below(entries, where)
        if inside is None or not links or inside is self:
            return inside
        return self if first_escape(inside.columns().links()) is not None else inside


def make_manifest(entries: Iterable[Entry]) -> Manifest:
    """Sort the entries by the bytes of their paths."""
    return Manifest(in_columns(entries))


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


def _decoded(data: bytes) -> Entries:
    columns = EntryColumns()
    try:
        for rows in _pieces(data):
            for r in rows:
                digest = ContentDigest(r.digest) if r.digest else None
                columns.add(Entry(r.path, r.type, r.exec, r.size, digest, r.target))
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"a manifest cannot be read: {error}", code="manifest-damaged") from error
    except OverflowError as error:
        raise IntegrityError("a manifest is refused: no file is so large", code="manifest-refused") from error
    return columns.finished()


def _pieces(data: bytes) -> Iterator[list[_Row]]:
    """The rows, some at a time where the bytes begin and end as canonical ones do; what is between may still be anything."""
    if not (data.startswith(_BEGIN) and data.endswith(_END)):
        raw = decode_stored(data, _Stored)
        if raw.format != MANIFEST_FORMAT:
            raise IntegrityError(f"a manifest has the unknown format `{raw.format}`", code="manifest-format")
        yield raw.files
        return
    at, end = len(_BEGIN), len(data) - len(_END)
    while at < end:
        found = _NEXT_ROW.search(data, min(at + _BYTES_AT_ONCE, end), end)
        until = found.start() + 1 if found else end
        yield decode_stored(b"[%b]" % data[at:until], list[_Row])
        at = until + 1


def _row(entry: Entry) -> str:
    """The canonical JSON of an entry, with its keys in order."""
    path = encode_basestring(entry.path)
    if entry.type is EntryType.FILE:
        digest = "null" if entry.digest is None else encode_basestring(entry.digest)
        executable = "true" if entry.executable else "false"
        return f'{{"digest":{digest},"exec":{executable},"path":{path},"size":{entry.size},"type":"file"}}'
    if entry.type is EntryType.LINK:
        target = "null" if entry.target is None else encode_basestring(entry.target)
        return f'{{"path":{path},"target":{target},"type":"link"}}'
    return f'{{"path":{path},"type":"dir"}}'


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonicalError(str(error)) from error


def _below(entries: Entries, path: str) -> Manifest | None:
    alone = entries.find(path)
    if alone is not None:
        entry = entries[alone]
        return Manifest(() if entry.type is EntryType.FOLDER else (_moved(entry, ""),))
    inside = EntryColumns()
    for number in entries.below(path):
        entry = entries[number]
        inside.add(_moved(entry, entry.path[len(path) + 1 :]))
    found = inside.finished()
    return Manifest(found) if found else None


def _moved(entry: Entry, path: str) -> Entry:
    return Entry(path, entry.type, entry.executable, entry.size, entry.digest, entry.target)


def _check(entries: Entries) -> None:
    previous = b""
    for number, entry in enumerate(entries):
        raw = entries.raw_path(number)
        if number and raw <= previous:
            raise _hostile("its paths are not sorted, or one stands twice", entry.path)
        previous = raw
        _check_entry(entry, alone=len(entries) == 1)
    clash = min(_leaves_used_as_folders(entries), default="")
    if clash:
        raise _hostile("a file or link stands where it needs a folder", clash)
    links = entries.links()
    escaping = first_escape(links) if links else None
    if escaping is not None:
        raise _hostile("a link leaves its folder or leads in a circle", escaping)


def _leaves_used_as_folders(entries: Entries) -> Iterator[str]:
    """The paths of sorted entries that are folders of others too."""
    known = ""
    for entry in entries:
        folder = entry.path.rpartition("/")[0]
        if folder == known:
            continue
        known = folder
        while folder and entries.find(folder) is None:
            folder = folder.rpartition("/")[0]
        if folder:
            yield folder


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
