"""Whether the bytes under a name in `Kept` are what the name promises: code by its git objects, lock files by SHA-256."""

from __future__ import annotations

import io
import tarfile

from traintrack.app.project import Project
from traintrack.digest import sha256_hex
from traintrack.errors import TraintrackError
from traintrack.workspace.code_pack import SINGLE_FILE, pack_code
from traintrack.workspace.git_object import FOLDER, LINK, TreeRow, bytes_of, file_mode, format_tree, object_name

_Tree = dict[str, "TreeRow | _Tree"]


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
    """Name the git objects that a pack can be of: a tree id, and `<mode>-<blob id>` if it is one file; empty if it is no pack.

    `digits` is the length of the repository's object names, 40 or 64.
    """
    tree: _Tree = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errors="surrogateescape") as pack:
            for member in pack:
                _put(tree, member.name.split("/"), _row(pack, member, digits))
    except (tarfile.TarError, OSError, ValueError):
        return ()
    rows = _rows(tree, digits)
    folder = object_name("tree", format_tree(rows), digits)
    alone = rows.get(SINGLE_FILE) if len(rows) == 1 else None
    return (folder, f"{alone.mode}-{alone.oid}") if alone else (folder,)


def _row(pack: tarfile.TarFile, member: tarfile.TarInfo, digits: int) -> TreeRow:
    if member.issym():
        return TreeRow(LINK, object_name("blob", bytes_of(member.linkname), digits))
    stream = pack.extractfile(member)
    if stream is None:
        raise ValueError(member.name)
    return TreeRow(file_mode(member.mode), object_name("blob", stream.read(), digits))


def _put(tree: _Tree, path: list[str], row: TreeRow) -> None:
    here = tree
    for part in path[:-1]:
        below = here.setdefault(part, {})
        if isinstance(below, TreeRow):
            raise ValueError(part)  # noqa: TRY004  a damaged pack, not a bug
        here = below
    here[path[-1]] = row


def _rows(tree: _Tree, digits: int) -> dict[str, TreeRow]:
    rows = {}
    for name, item in tree.items():
        if isinstance(item, TreeRow):
            rows[name] = item
        else:
            rows[name] = TreeRow(FOLDER, object_name("tree", format_tree(_rows(item, digits)), digits))
    return rows
