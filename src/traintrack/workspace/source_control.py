"""What identity needs of git, as a protocol; `git.py` is the real one, a test may use a plain map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

HEAD = "HEAD"
WORKTREE = "worktree"


class TreeEntry(Struct, frozen=True):
    """One entry of a tree, recursively: `path` relative to the tree, git `mode` (`100644`, `100755`, `120000`, `160000`)."""

    path: str
    mode: str
    oid: str


class SourceControl(Protocol):
    """Reads a repository. Paths are relative to the workspace root; a revision is a full hash, `HEAD` or `worktree`."""

    def has_commit(self, commit: str) -> bool:
        """Tell if the full hash is a commit of this repository."""

    def object_at(self, revision: str, path: str) -> str | None:
        """The identity of a path: a tree id for a folder (`.` is the workspace folder), `<mode>:<blob id>` for a file, None if absent.

        Raises:
            InputError: a dirty submodule, or an unknown commit, each with a hint.
            HostError: git itself fails.
        """

    def read(self, revision: str, path: str) -> bytes | None:
        """The content of a file at a revision, None if it is not a file there."""

    def entries(self, object_id: str) -> Sequence[TreeEntry]:
        """Everything below an object named by `object_at`, sorted by path; a file is one entry with path ``""``."""

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        """The contents of blobs, in order."""

    def head(self) -> str | None:
        """The full hash of HEAD, None in a repository without commits."""

    def resolve(self, revision: str) -> str | None:
        """The full hash that a branch, tag or short hash stands for, None if unknown."""

    def is_dirty(self, paths: Sequence[str]) -> bool:
        """Tell if tracked or untracked unignored files below the paths differ from HEAD."""

    def last_change(self, path: str, line: int) -> Change | None:
        """Who changed a line of a file last, None if it is not committed."""


class Change(Struct, frozen=True):
    """A commit for people: short hash, author, date in ISO 8601, subject."""

    commit: str
    author: str
    date: str
    subject: str
