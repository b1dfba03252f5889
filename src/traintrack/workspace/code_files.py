"""What code consists of: the entries of a git object, with the files of its submodules in their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from traintrack.errors import InputError
from traintrack.workspace.git_object import SUBMODULE
from traintrack.workspace.lfs import LargeFiles
from traintrack.workspace.source_control import TreeEntry
from traintrack.workspace.submodules import Submodules

DEEPEST = 16
"""Submodules in submodules; a repository can hold itself."""


class CodeObjects(Protocol):
    """The objects that code is made of."""

    def entries(self, object_id: str) -> Sequence[TreeEntry]:
        """Everything but folders below an object, sorted by path; a file is one entry with path ``""``."""

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        """The contents of blobs, in order."""


@runtime_checkable
class HasMore(Protocol):
    """Objects of a repository that is checked out here, with what lies beside them."""

    @property
    def large_files(self) -> LargeFiles:
        """The files of Git LFS."""

    @property
    def submodules(self) -> Submodules:
        """The repositories of its submodules."""


class CodeFile(NamedTuple):
    """A file or link, or a submodule.

    `path` is relative to the object, empty for itself; `name` from the workspace root. `source` has its blob. Of a
    submodule that is here, `commit` are the bytes of the commit; its files stand beside it.
    """

    path: str
    name: str
    entry: TreeEntry
    source: CodeObjects
    commit: bytes | None = None


def code_files(source: CodeObjects, object_id: str, path: str) -> list[CodeFile]:
    """Return what stands below the object at `path`, from the workspace root, sorted by the bytes of the paths.

    A submodule whose commit is not here is an entry without a commit.

    Raises:
        InputError: submodules are nested too deeply.
        HostError: git fails.
        IntegrityError: an object is damaged.
    """
    found = list(_files(source, object_id, path, "", 0))
    if any(file.commit is not None for file in found):
        found.sort(key=lambda file: file.path.encode("utf-8", "surrogateescape"))
    return found


def joined(*paths: str) -> str:
    """Join paths, each of which may be empty or `.`."""
    return "/".join(part for path in paths for part in path.split("/") if part not in ("", "."))


def _files(source: CodeObjects, object_id: str, path: str, prefix: str, depth: int) -> Iterator[CodeFile]:
    for entry in source.entries(object_id):
        inner = joined(prefix, entry.path)
        file = CodeFile(inner, joined(path, inner), entry, source)
        if entry.mode != SUBMODULE or not isinstance(source, HasMore):
            yield file
            continue
        module = source.submodules.find(entry.oid, file.name)
        if module is None:
            yield file
            continue
        if depth >= DEEPEST:
            hint = "name folders without it in `paths`"
            raise InputError(f"`{file.name}` is a submodule nested too deeply", code="code-submodule", hint=hint)
        commit = module.commit_object(entry.oid)
        yield file._replace(commit=commit)
        tree = commit[5 : 5 + len(entry.oid)].decode("ascii")
        yield from _files(module, tree, path, inner, depth + 1)
