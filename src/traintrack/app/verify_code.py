"""Whether the bytes under a name in `Kept` are what the name promises: code by its git objects, lock files by SHA-256."""

from __future__ import annotations

import base64
import io
import tarfile

from traintrack.app.project import Project
from traintrack.digest import sha256_hex
from traintrack.errors import TraintrackError
from traintrack.workspace.code_pack import COMMIT_HEADER, POINTER_HEADER, SINGLE_FILE, pack_code
from traintrack.workspace.git_object import (
    FOLDER,
    LINK,
    SUBMODULE,
    TreeRow,
    bytes_of,
    file_mode,
    format_tree,
    object_name,
)
from traintrack.workspace.lfs import read_pointer

_Tree = dict[str, "TreeRow | _Tree"]
_Commits = dict[str, bytes]
"""Path of a submodule's folder → its commit."""


class NamedObjects:
    """Judges named objects. Where a pack does not hash to its name, the repository has the last word if it can."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def judge(self, name: str, data: bytes) -> str | None:
        """Say in words what is wrong; None if the bytes fit, or if the name promises nothing that is known here."""
        kind, _, promised = name.partition("/")
        if kind == "lock":
            return None if sha256_hex(data) == promised else "the lock file is not that of its name"
        if kind != "code":
            return None
        digits = len(promised.rpartition("-")[2])
        if promised in pack_identities(data, digits) or self._packs_to(promised, data):
            return None
        return "the code is not that of its git object"

    def _packs_to(self, promised: str, data: bytes) -> bool:
        """Tell if git's object gives these bytes: trees with modes of old versions of git hash otherwise."""
        try:
            return pack_code(self._project.source, promised.replace("-", ":"), ".") == data
        except TraintrackError:
            return False


def pack_identities(data: bytes, digits: int) -> tuple[str, ...]:
    """Name the git objects that a pack can be of: a tree id, and `<mode>-<id>` if it is one file or a submodule.

    Empty if it is no pack, or one that holds other files than its pointers and commits promise.

    `digits` is the length of the repository's object names, 40 or 64.
    """
    tree: _Tree = {}
    commits: _Commits = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errors="surrogateescape") as pack:
            for member in pack:
                if COMMIT_HEADER in member.pax_headers:
                    commits[member.name] = base64.b64decode(member.pax_headers[COMMIT_HEADER], validate=True)
                    _folder(tree, [part for part in member.name.split("/") if part != "."])
                else:
                    _put(tree, member.name.split("/"), _row(pack, member, digits))
        rows = _rows(tree, digits, commits)
        folder = object_name("tree", format_tree(rows), digits)
        if "." in commits:
            return (f"{SUBMODULE}-{_submodule(commits['.'], folder, digits)}",)
    except (tarfile.TarError, OSError, ValueError):
        return ()
    alone = rows.get(SINGLE_FILE) if len(rows) == 1 else None
    return (folder, f"{alone.mode}-{alone.oid}") if alone else (folder,)


def _row(pack: tarfile.TarFile, member: tarfile.TarInfo, digits: int) -> TreeRow:
    if member.issym():
        return TreeRow(LINK, object_name("blob", bytes_of(member.linkname), digits))
    stream = pack.extractfile(member)
    if stream is None:
        raise ValueError(member.name)
    data = stream.read()
    if POINTER_HEADER in member.pax_headers:
        data = _pointer_of(data, base64.b64decode(member.pax_headers[POINTER_HEADER], validate=True))
    return TreeRow(file_mode(member.mode), object_name("blob", data, digits))


def _pointer_of(data: bytes, blob: bytes) -> bytes:
    """Return what stands in git for a file of Git LFS, if it stands for these bytes."""
    pointer = read_pointer(blob)
    if pointer is None or pointer.sha256 != sha256_hex(data):
        raise ValueError("another file than that of the pointer")
    return blob


def _put(tree: _Tree, path: list[str], row: TreeRow) -> None:
    _folder(tree, path[:-1])[path[-1]] = row


def _folder(tree: _Tree, path: list[str]) -> _Tree:
    here = tree
    for part in path:
        below = here.setdefault(part, {})
        if isinstance(below, TreeRow):
            raise ValueError(part)  # noqa: TRY004  a damaged pack, not a bug
        here = below
    return here


def _rows(tree: _Tree, digits: int, commits: _Commits, prefix: str = "") -> dict[str, TreeRow]:
    rows = {}
    for name, item in tree.items():
        path = f"{prefix}{name}"
        if isinstance(item, TreeRow):
            rows[name] = item
            continue
        folder = object_name("tree", format_tree(_rows(item, digits, commits, f"{path}/")), digits)
        commit = commits.get(path)
        rows[name] = TreeRow(SUBMODULE, _submodule(commit, folder, digits)) if commit else TreeRow(FOLDER, folder)
    return rows


def _submodule(commit: bytes, tree: str, digits: int) -> str:
    """Name a commit, if it is one of this tree."""
    if not commit.startswith(f"tree {tree}\n".encode()):
        raise ValueError("another tree than that of the commit")
    return object_name("commit", commit, digits)
