"""A repository that is a function: every path is there at every known revision, and its identity follows from both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from traintrack.errors import InputError
from traintrack.workspace.source_control import Change, TreeEntry

COMMIT = "9b12726ba3825d72ccdba5bd93505873a32eb769"
OTHER_COMMIT = "1f3ae0c54bd8d1c3e5cbb6a3e0a4a4a4f2f0a1b2"
REVISIONS = (COMMIT, OTHER_COMMIT, "HEAD", "worktree")

DOCKERFILE = b"FROM registry.example/base:1 AS build\nRUN make\nFROM registry.example/run:2\nCOPY --from=build /a /a\n"


class PlainSource:
    """Folders are paths without a dot in their last part; HEAD is `COMMIT`, so both read the same."""

    def has_commit(self, commit: str) -> bool:
        return commit in REVISIONS

    def object_at(self, revision: str, path: str) -> str | None:
        self._demand(revision)
        if path.startswith("absent"):
            return None
        at = COMMIT if revision == "HEAD" else revision
        oid = hashlib.sha1(f"{at}:{path}".encode("utf-8", "surrogatepass")).hexdigest()
        is_file = "." in path.rpartition("/")[2] and path != "."
        return f"100644:{oid}" if is_file else oid

    def read(self, revision: str, path: str) -> bytes | None:
        self._demand(revision)
        if path.startswith("absent"):
            return None
        if "dockerfile" in path.lower():
            return DOCKERFILE
        return f"{path}\n".encode("utf-8", "surrogatepass")

    def entries(self, object_id: str) -> Sequence[TreeEntry]:
        return (TreeEntry("a.py", "100644", object_id.rpartition(":")[2]),)

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        return (b"pass\n" for _ in oids)

    def head(self) -> str | None:
        return COMMIT

    def resolve(self, revision: str) -> str | None:
        return COMMIT if revision in REVISIONS else None

    def is_dirty(self, paths: Sequence[str]) -> bool:
        return False

    def last_change(self, path: str, line: int) -> Change | None:
        return None

    def _demand(self, revision: str) -> None:
        if revision not in REVISIONS:
            raise InputError(
                f"`{revision[:12]}` is not a commit of this repository", code="unknown-commit", hint="fetch"
            )
