"""The objects of a repository and of its working tree: read in bulk, remembered, never written where the user's are."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence

from traintrack.errors import HostError, InputError
from traintrack.workspace.git_object import FOLDER, TreeRow, parse_tree
from traintrack.workspace.git_place import GitPlace
from traintrack.workspace.git_process import Git
from traintrack.workspace.git_reader import GitReader
from traintrack.workspace.source_control import TreeEntry

MAX_ENTRIES = 1_000_000
"""Of one tree; a few small objects can be nested into more files than there are atoms."""

_WINDOW_BYTES = 8 << 20
_WINDOW_COUNT = 512
_TREES_REMEMBERED = 8192


class GitObjects:
    """Reads objects by name. Its own temporary git folder keeps replace refs, grafts and settings of the real one out.

    New objects of the working tree go there; those that are mere text are held in memory (`hold`).
    """

    def __init__(self, place: GitPlace) -> None:
        import tempfile  # noqa: PLC0415 - answering from pins needs no temporary folder and need not pay for this

        real = Git(place.top, {"GIT_DIR": place.git_dir, "GIT_WORK_TREE": place.top})
        kind = real.run("rev-parse", "--show-object-format").decode().strip()
        self.digits = 64 if kind == "sha256" else 40
        self.folder = tempfile.mkdtemp(prefix="traintrack-git-")
        _make_git_folder(self.folder, kind)
        private = {"GIT_DIR": self.folder, "GIT_WORK_TREE": place.top}
        self.writer = Git(place.top, private)
        # Only the reader sees the user's objects: git touches the times of those it is about to write again.
        seeing = {**private, "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(place.objects)}
        self._reader = GitReader(Git(place.top, seeing), os.path.join(self.folder, "complaints"))
        self._held: dict[str, bytes] = {}
        self._trees: dict[str, dict[str, TreeRow]] = {}
        self._lock = threading.Lock()

    def hold(self, objects: Mapping[str, bytes]) -> None:
        """Add trees and blobs by name."""
        self._held.update(objects)

    def tree_of_commit(self, commit: str) -> str | None:
        """Return the root tree of a commit, None if the hash names no commit of this repository."""
        data = self.commit(commit)
        return None if data is None else data[5 : 5 + self.digits].decode("ascii")

    def commit(self, commit: str) -> bytes | None:
        """Return the bytes of a commit, None if the hash names none of this repository."""
        found = self._reader.contents([commit])[0]
        return None if found is None or found.kind != "commit" else found.data

    def trees(self, oids: Sequence[str]) -> list[dict[str, TreeRow]]:
        """Return the rows of trees, in order.

        Raises:
            HostError: one is missing, as in a partial clone.
            IntegrityError: one is damaged or hostile.
        """
        known = {oid: self._trees[oid] for oid in oids if oid in self._trees}
        wanted = [oid for oid in dict.fromkeys(oids) if oid not in known]
        for oid, data in zip(wanted, self._contents(wanted, "tree"), strict=True):
            known[oid] = parse_tree(oid, data)
        with self._lock:
            if len(self._trees) + len(wanted) > _TREES_REMEMBERED:
                self._trees.clear()
            self._trees.update((oid, known[oid]) for oid in wanted)
        return [known[oid] for oid in oids]

    def entries(self, tree: str) -> tuple[TreeEntry, ...]:
        """Return everything below a tree but the folders, sorted by the bytes of the paths.

        Raises:
            InputError: there are more than a million files.
            HostError: a subtree is missing.
            IntegrityError: a subtree is damaged or hostile.
        """
        found: list[TreeEntry] = []
        level = [("", tree)]
        while level:
            below: list[tuple[str, str]] = []
            for (prefix, _), rows in zip(level, self.trees([oid for _, oid in level]), strict=True):
                for name, row in rows.items():
                    if row.mode == FOLDER:
                        below.append((f"{prefix}{name}/", row.oid))
                    else:
                        found.append(TreeEntry(prefix + name, row.mode, row.oid))
                if len(found) + len(below) > MAX_ENTRIES:
                    raise InputError(
                        f"tree `{tree[:12]}` holds more than {MAX_ENTRIES} files",
                        code="too-many-files",
                        hint="name smaller folders in `paths`",
                    )
            level = below
        found.sort(key=lambda entry: entry.path.encode("utf-8", "surrogateescape"))
        return tuple(found)

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        """Yield the contents of blobs in order, holding few megabytes of them at a time.

        Raises:
            HostError: one is missing, as in a partial clone.
            IntegrityError: one is damaged.
        """
        for start in range(0, len(oids), _WINDOW_COUNT):
            chunk = oids[start : start + _WINDOW_COUNT]
            for window in _windows(chunk, self._sizes(chunk)):
                yield from self._contents(window, "blob")

    def close(self) -> None:
        """End the process and remove the temporary folder; repeating it is harmless."""
        import shutil  # noqa: PLC0415 - as above

        self._reader.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _sizes(self, oids: Sequence[str]) -> list[int]:
        heads = self._reader.heads([oid for oid in oids if oid not in self._held])
        sizes = iter(0 if head is None else head.size_bytes for head in heads)
        return [len(self._held[oid]) if oid in self._held else next(sizes) for oid in oids]

    def _contents(self, oids: Sequence[str], kind: str) -> list[bytes]:
        asked = [oid for oid in oids if oid not in self._held]
        known: dict[str, bytes] = {}
        for oid, found in zip(asked, self._reader.contents(asked), strict=True):
            if found is None or found.kind != kind:
                raise HostError(
                    f"the repository lacks the {kind} `{oid}`",
                    code="object-missing",
                    hint="git fetch --refetch --no-filter (in a partial clone), else git fsck",
                )
            known[oid] = found.data
        return [self._held[oid] if oid in self._held else known[oid] for oid in oids]


def _windows(oids: Sequence[str], sizes: Sequence[int]) -> Iterator[list[str]]:
    window: list[str] = []
    total = 0
    for oid, size in zip(oids, sizes, strict=True):
        if window and total + size > _WINDOW_BYTES:
            yield window
            window, total = [], 0
        window.append(oid)
        total += size
    if window:
        yield window


def _make_git_folder(folder: str, kind: str) -> None:
    for name in ("objects", "refs"):
        os.mkdir(os.path.join(folder, name))
    version, extension = (1, "[extensions]\nobjectFormat = sha256\n") if kind == "sha256" else (0, "")
    settings = (
        f"[core]\nrepositoryFormatVersion = {version}\nbare = false\nautocrlf = false\nsafecrlf = false\n"
        f"compression = 0\n{extension}"
    )
    for name, text in (("HEAD", "ref: refs/heads/none\n"), ("config", settings)):
        with open(os.path.join(folder, name), "w", encoding="ascii") as stream:
            stream.write(text)


def _quoted(path: str) -> str:
    """Write a path for a list that is split at `:`, as git reads it (gitformat: GIT_ALTERNATE_OBJECT_DIRECTORIES)."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
