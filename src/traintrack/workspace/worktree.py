"""The working tree as git would commit it, from the files alone: no index, filter or setting of the user's has a say.

What counts: tracked files as they are on disk, ignored or not; untracked files that no `.gitignore` ignores; files
left out by a sparse checkout, as the index has them. A file whose bytes are those of the index is that file; any
other goes through the conversions that `.gitattributes` asks for (end of line, encoding, Git LFS).
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from traintrack.errors import HostError, InputError
from traintrack.workspace.disk import Disk, reading
from traintrack.workspace.git_lfs import lfs_files, lfs_pointer
from traintrack.workspace.git_object import (
    FOLDER,
    LINK,
    SUBMODULE,
    TreeRow,
    bytes_of,
    file_mode,
    format_tree,
    object_name,
    text_of,
)
from traintrack.workspace.git_process import Git


class Tracked(Struct, frozen=True):
    """A row of the index. `row` is None for a path in conflict; `sparse` if the checkout may leave it out."""

    row: TreeRow | None
    sparse: bool = False


class Listing(Struct, frozen=True):
    """Files below a path, by paths from the top of the working tree; nested repositories end in `/`."""

    tracked: Mapping[str, Tracked]
    untracked: tuple[str, ...]


class Snapshot(Struct, frozen=True):
    """What stood below a path: each file and folder by its path, and the bytes of objects that git has not been given."""

    rows: Mapping[str, TreeRow]
    objects: Mapping[str, bytes]


def list_files(git: Git, path: str) -> Listing:
    """Ask the user's index what is tracked below `path` (empty for all), and the folders what is not.

    Raises:
        HostError: git fails.
    """
    words = ["ls-files", "-z", "-v", "--stage", "--others", "--exclude-per-directory=.gitignore", "--"]
    tracked: dict[str, Tracked] = {}
    untracked: list[str] = []
    for line in git.run(*words, *([path] if path else [])).split(b"\0"):
        if line.startswith(b"? "):
            untracked.append(text_of(line[2:]))
        elif line:
            head, _, name = line.partition(b"\t")
            tag, mode, oid, stage = head.decode("ascii").split(" ")
            row = TreeRow(mode, oid) if stage == "0" else None
            tracked[text_of(name)] = Tracked(row, sparse=tag in ("S", "s"))
    return Listing(tracked, tuple(untracked))


def take_snapshot(
    listing: Listing, path: str, writer: Git, digits: int, submodule_commit: Callable[[str], str]
) -> Snapshot:
    """Hash what was listed below `path`.

    `writer` calls git in a repository of our own, at the same working tree; new blobs go there. `submodule_commit`
    tells the commit of a checked-out submodule, or raises if it is dirty.

    Raises:
        InputError: a dirty submodule, an untracked repository, or a thing that git cannot hold.
        HostError: a file cannot be read, or changes meanwhile.
    """
    taking = _Taking(writer, digits, submodule_commit)
    try:
        for name in sorted({*listing.tracked, *listing.untracked}):
            taking.add(name, listing.tracked.get(name.removesuffix("/")))
        taking.convert()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _changed_meanwhile(str(error)) from error
    return taking.finish(path)


class _Taking:
    """A snapshot in the making: `rows` by path, `objects` that stay in memory, `changed` files (path to mode) to convert."""

    def __init__(self, writer: Git, digits: int, submodule_commit: Callable[[str], str]) -> None:
        self._writer = writer
        self._digits = digits
        self._submodule_commit = submodule_commit
        self._disk = Disk(writer.folder)
        self._rows: dict[str, TreeRow] = {}
        self._objects: dict[str, bytes] = {}
        self._changed: dict[str, str] = {}

    def add(self, name: str, known: Tracked | None) -> None:
        if name.endswith("/"):
            if known is None:
                raise _untracked_repository(name)
            return
        state = self._disk.state(name)
        row = known.row if known else None
        if state is None:
            if row and known and known.sparse and self._disk.has_room(name):
                self._rows[name] = row
        elif stat.S_ISREG(state.st_mode):
            self._add_file(name, file_mode(state.st_mode), row)
        elif stat.S_ISLNK(state.st_mode):
            self._rows[name] = TreeRow(LINK, self._keep("blob", self._disk.link_target(name)))
        elif not stat.S_ISDIR(state.st_mode):
            raise InputError(f"`{name}` is no file, folder or link", code="special-file", hint=f"rm {name}")
        elif row and row.mode == SUBMODULE:
            self._rows[name] = self._submodule(name, row)

    def convert(self) -> None:
        """Do to the changed files what the attributes in the tree ask for, and let git write the blobs."""
        if not self._changed:
            return
        for name in lfs_files(self._writer, list(self._changed)):
            pointer = reading(name, lambda path=name: lfs_pointer(self._disk.path(path)))  # type: ignore[misc]
            self._rows[name] = TreeRow(self._changed.pop(name), self._keep("blob", pointer))
        for name, oid in zip(self._changed, _written(list(self._changed), self._writer), strict=True):
            self._rows[name] = TreeRow(self._changed[name], oid)

    def finish(self, path: str) -> Snapshot:
        """Add the folders at and below `path`, and their trees."""
        if path not in self._rows:
            folders = _folders(self._rows, path)
            for folder in sorted(folders, key=_depth, reverse=True):
                row = TreeRow(FOLDER, self._keep("tree", format_tree(folders[folder])))
                self._rows[folder] = row
                above, _, last = folder.rpartition("/")
                if folder != path:
                    folders[above][last] = row
        return Snapshot(self._rows, self._objects)

    def _add_file(self, name: str, mode: str, row: TreeRow | None) -> None:
        if row and row.mode != SUBMODULE and self._disk.blob_name(name, self._digits) == row.oid:
            self._rows[name] = TreeRow(mode, row.oid)
        else:
            self._changed[name] = mode

    def _submodule(self, name: str, row: TreeRow) -> TreeRow:
        inside = self._disk.names_in(name)
        if not inside:
            return row  # never checked out
        if b".git" in inside:
            return TreeRow(SUBMODULE, self._submodule_commit(name))
        raise InputError(
            f"the folder of the submodule `{name}` holds other files",
            code="dirty-submodule",
            hint=f"move them away, then: git submodule update --init {name}",
        )

    def _keep(self, kind: str, data: bytes) -> str:
        oid = object_name(kind, data, self._digits)
        self._objects[oid] = data
        return oid


def _folders(rows: Mapping[str, TreeRow], path: str) -> dict[str, dict[str, TreeRow]]:
    """The folders at and below `path` that hold something, with their files; the top itself even if it is empty."""
    folders: dict[str, dict[str, TreeRow]] = {} if path else {"": {}}
    for name, row in rows.items():
        folder, _, last = name.rpartition("/")
        inner = folder
        while inner not in folders:
            folders[inner] = {}
            if inner != path:
                inner = inner.rpartition("/")[0]
        folders[folder][last] = row
    return folders


def _written(names: Sequence[str], writer: Git) -> list[str]:
    if not names:
        return []
    lines = b"".join(_quoted(bytes_of(name)) + b"\n" for name in names)
    answer = writer.ask("hash-object", "-w", "--stdin-paths", stdin=lines)
    if answer.code != 0:
        raise _changed_meanwhile(answer.complaint)
    return answer.output.decode("ascii").split()


def _depth(folder: str) -> int:
    return folder.count("/") + 1 if folder else 0


def _quoted(name: bytes) -> bytes:
    """Write a name for one line of git's input; it unquotes what begins with `"` and drops a carriage return."""
    if not name.startswith(b'"') and not any(byte < 0x20 for byte in name):
        return name
    return b'"' + b"".join(_escaped(name)) + b'"'


def _escaped(name: bytes) -> Iterable[bytes]:
    for byte in name:
        plain = byte >= 0x20 and byte not in b'"\\'
        yield bytes([byte]) if plain else b"\\%03o" % byte


def _untracked_repository(name: str) -> InputError:
    folder = name.rstrip("/")
    return InputError(
        f"`{folder}` is a repository inside the repository",
        code="nested-repository",
        hint=f"git submodule add ./{folder}, or add `{folder}/` to `.gitignore`",
    )


def _changed_meanwhile(complaint: str) -> HostError:
    return HostError(
        "a file of the working tree cannot be read, or changed meanwhile",
        code="worktree-unreadable",
        hint="make it readable or add it to `.gitignore`, then try again",
        details=complaint.splitlines()[-5:],
    )
