"""The code of a task: packs of the storage, written as private copies into its current folder."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from traintrack.action.links import first_escape
from traintrack.errors import HostError, IntegrityError
from traintrack.ports.storage import Kept
from traintrack.runners.process.contract import is_file

_CACHED_PACK_BYTES = 4 << 20
_CACHED_BYTES = 64 << 20


class CodeKind(str, Enum):
    """What an entry of a pack is."""

    FILE = "file"
    PROGRAM = "program"
    LINK = "link"
    FOLDER = "folder"


class CodeEntry(Struct, frozen=True):
    """One entry; `data` is the content of a file, or the text of a link."""

    kind: CodeKind
    data: bytes = b""


class CodeStore:
    """Reads packs of the storage and keeps small ones in memory, since many targets share their code."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._cached: OrderedDict[tuple[tuple[str, str], ...], Mapping[str, CodeEntry]] = OrderedDict()
        self._cached_bytes = 0

    def write(self, code: Mapping[str, str], folder: str) -> None:
        """Write the entries of every path of `code` to their places below the empty, private `folder`.

        Files get the modes 0444 and 0555.

        Raises:
            HostError: a pack is not in the storage.
            IntegrityError: a pack is damaged or could write outside of `folder`.
            OSError: a file cannot be written.
        """
        for path, entry in self._entries(code).items():
            _write(f"{folder}/{path}", entry)

    def _entries(self, code: Mapping[str, str]) -> Mapping[str, CodeEntry]:
        key = tuple(code.items())
        with self._lock:
            if key in self._cached:
                self._cached.move_to_end(key)
                return self._cached[key]
        entries = self._read(code)
        self._remember(key, entries)
        return entries

    def _read(self, code: Mapping[str, str]) -> Mapping[str, CodeEntry]:
        packs = []
        for path, object_id in code.items():
            name = f"code/{object_id.replace(':', '-')}"
            data = self._kept.get_named(name)
            if data is None:
                raise HostError(
                    f"the code of `{path}` is not in the storage",
                    code="code-missing",
                    hint="run the command again from the repository: it exports the code anew",
                )
            packs.append(read_pack(data, path, object_id))
        return merge(packs)

    def _remember(self, key: tuple[tuple[str, str], ...], entries: Mapping[str, CodeEntry]) -> None:
        size = _size(entries)
        if size > _CACHED_PACK_BYTES:
            return
        with self._lock:
            if key in self._cached:
                return
            self._cached[key] = entries
            self._cached_bytes += size
            while self._cached_bytes > _CACHED_BYTES:
                _, dropped = self._cached.popitem(last=False)
                self._cached_bytes -= _size(dropped)


def read_pack(data: bytes, path: str, object_id: str) -> dict[str, CodeEntry]:
    """Read a tar of the object at `path`; keys are paths from the workspace root, in the order of the tar.

    Raises:
        IntegrityError: it is no tar, or an entry is neither file, folder nor link.
    """
    alone = is_file(object_id)
    prefix = "" if path in ("", ".") else f"{path}/"
    found: dict[str, CodeEntry] = {} if alone else _folders_of(prefix)
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if name not in ("", "."):
                    # The key of a pack decides its bytes, so a file's pack does not know the file's name.
                    found[path if alone else prefix + name] = _entry(tar, member)
    except (tarfile.TarError, EOFError, UnicodeError) as error:
        raise IntegrityError(f"the code of `{path}` is damaged: {error}", code="code-damaged") from error
    return found


def merge(packs: list[dict[str, CodeEntry]]) -> dict[str, CodeEntry]:
    """Lay packs over each other and check that nothing of them can be written outside of one folder.

    The check is of text alone and complete: the folder is fresh and private, names are never followed
    through a link, since no entry may stand below one.

    Raises:
        IntegrityError: an entry could leave the folder, or two packs disagree.
    """
    merged: dict[str, CodeEntry] = {}
    for pack in packs:
        for path, entry in pack.items():
            if merged.setdefault(path, entry) != entry:
                raise _refused(path, "two of `paths` have different entries there")
    for path in merged:
        parts = path.split("/")
        if any(part in ("", ".", "..") for part in parts) or "\0" in path:
            raise _refused(path, "it could leave its folder")
        for depth in range(1, len(parts)):
            above = merged.get("/".join(parts[:depth]))
            if above is not None and above.kind is not CodeKind.FOLDER:
                raise _refused(path, "it stands below a file or link")
    links = {path: os.fsdecode(entry.data) for path, entry in merged.items() if entry.kind is CodeKind.LINK}
    escaping = first_escape(links) if links else None
    if escaping is not None:
        raise _refused(escaping, "the link leaves the code or leads in a circle")
    return merged


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> CodeEntry:
    if member.isdir():
        return CodeEntry(CodeKind.FOLDER)
    if member.issym():
        return CodeEntry(CodeKind.LINK, os.fsencode(member.linkname))
    file = tar.extractfile(member) if member.isreg() else None
    if file is None:
        raise _refused(member.name, "it is neither file, folder nor link")
    return CodeEntry(CodeKind.PROGRAM if member.mode & 0o100 else CodeKind.FILE, file.read())


def _folders_of(prefix: str) -> dict[str, CodeEntry]:
    """An empty folder of `paths` is there too, as git knows none and PYTHONPATH names it."""
    return {prefix[:-1]: CodeEntry(CodeKind.FOLDER)} if prefix else {}


def _write(path: str, entry: CodeEntry) -> None:
    if entry.kind is CodeKind.FOLDER:
        os.makedirs(path, exist_ok=True)
        return
    mode = 0o555 if entry.kind is CodeKind.PROGRAM else 0o444
    try:
        _write_new(path, entry, mode)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _write_new(path, entry, mode)


def _write_new(path: str, entry: CodeEntry, mode: int) -> None:
    if entry.kind is CodeKind.LINK:
        os.symlink(entry.data, os.fsencode(path))
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        view = memoryview(entry.data)
        while view:
            view = view[os.write(descriptor, view) :]
        # The caller's umask must not decide about what the contract says.
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _size(entries: Mapping[str, CodeEntry]) -> int:
    return sum(len(entry.data) + 200 for entry in entries.values())


def _refused(path: str, why: str) -> IntegrityError:
    return IntegrityError(f"code is refused: {why}: `{path}`", code="code-refused")
