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
from traintrack.runners.contract.call import is_file
from traintrack.runners.contract.stage import write_all

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


class CodeTree(Struct, frozen=True):
    """The code of a task: `folders` are all that are needed, parents first; `entries` are files and links by path."""

    folders: tuple[str, ...]
    entries: Mapping[str, CodeEntry]

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, roughly."""
        return sum(len(entry.data) + 200 for entry in self.entries.values()) + 200 * len(self.folders)


class CodeStore:
    """Reads packs of the storage and keeps small ones in memory, since many targets share their code."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._cached: OrderedDict[tuple[tuple[str, str], ...], CodeTree] = OrderedDict()
        self._cached_bytes = 0

    def read(self, code: Mapping[str, str]) -> CodeTree:
        """Return what every path of `code` holds, at its place from the workspace root.

        Raises:
            HostError: a pack is not in the storage.
            IntegrityError: a pack is damaged or could write outside of its folder.
        """
        key = tuple(code.items())
        with self._lock:
            if key in self._cached:
                self._cached.move_to_end(key)
                return self._cached[key]
        tree = tree_of(self._read(code))
        self._remember(key, tree)
        return tree

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

    def _remember(self, key: tuple[tuple[str, str], ...], tree: CodeTree) -> None:
        size = tree.size_bytes
        if size > _CACHED_PACK_BYTES:
            return
        with self._lock:
            if key in self._cached:
                return
            self._cached[key] = tree
            self._cached_bytes += size
            while self._cached_bytes > _CACHED_BYTES:
                _, dropped = self._cached.popitem(last=False)
                self._cached_bytes -= dropped.size_bytes


def write_entry(path: str, entry: CodeEntry) -> None:
    """Write a file or link to a path in a private folder; files get the modes 0444 and 0555.

    Raises:
        OSError: it cannot be written.
    """
    _write_new(path, entry, 0o555 if entry.kind is CodeKind.PROGRAM else 0o444)


def tree_of(merged: Mapping[str, CodeEntry]) -> CodeTree:
    """Tell files and links from folders, and name the folders that stand in no pack."""
    folders = {path for path, entry in merged.items() if entry.kind is CodeKind.FOLDER}
    for path in merged:
        while path := path.rpartition("/")[0]:
            folders.add(path)
    entries = {path: entry for path, entry in merged.items() if entry.kind is not CodeKind.FOLDER}
    return CodeTree(tuple(sorted(folders)), entries)


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


def _write_new(path: str, entry: CodeEntry, mode: int) -> None:
    if entry.kind is CodeKind.LINK:
        os.symlink(entry.data, os.fsencode(path))
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        write_all(descriptor, entry.data)
        # The caller's umask must not decide about what the contract says.
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _refused(path: str, why: str) -> IntegrityError:
    return IntegrityError(f"code is refused: {why}: `{path}`", code="code-refused")
