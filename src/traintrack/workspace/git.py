"""A git repository as identity sees it: objects by full hash, HEAD, and the working tree."""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from traintrack.errors import HostError, InputError
from traintrack.workspace.git_head import read_head
from traintrack.workspace.git_history import last_change
from traintrack.workspace.git_object import FILE, FOLDER, PROGRAM, TreeRow
from traintrack.workspace.git_objects import GitObjects
from traintrack.workspace.git_place import GitPlace, find_place, place_at
from traintrack.workspace.git_process import Git, find_git, git_failed
from traintrack.workspace.git_published import find_published
from traintrack.workspace.lfs import LargeFiles
from traintrack.workspace.source_control import HEAD, WORKTREE, Change, TreeEntry
from traintrack.workspace.submodules import Submodules
from traintrack.workspace.worktree import list_files, take_snapshot

_HASH = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_TREES_LISTED = 64


def open_repository(workspace_root: Path) -> GitRepository:
    """Find the repository of a workspace. Starts no process: the version of git is looked at before the first one.

    Raises:
        HostError: git is not installed, or the folder is in no working tree.
    """
    find_git()
    root = os.path.realpath(workspace_root)
    top = find_place(root).top
    prefix = os.path.relpath(root, top).replace(os.sep, "/")
    return GitRepository(Path(root), "" if prefix == "." else prefix)


class GitRepository:
    """Reads a repository for one command: HEAD and each path of the working tree are looked at once and stay so.

    Implements `SourceControl` and `HasMore`; safe to use from several threads. `root` is the workspace, `prefix` its
    folder in the repository, empty at the top. Nothing of git is started before the first question.
    Any method may raise a HostError where git is missing, too old or fails.
    """

    def __init__(self, root: Path, prefix: str) -> None:
        self.root = root
        self.prefix = prefix
        top = os.path.realpath(root)
        for _ in prefix.split("/") if prefix else ():
            top = os.path.dirname(top)
        self._place = _known_place(top)
        self._git = Git(top, {"GIT_DIR": self._place.git_dir, "GIT_WORK_TREE": top})
        self.large_files = LargeFiles(self._place, os.path.realpath(root))
        self.submodules = Submodules(self._place, os.path.realpath(root))
        self._lock = threading.RLock()
        self._objects: GitObjects | None = None
        self._close: Callable[[], None] = lambda: None
        self._head: str | None = None
        self._roots: dict[str, str] = {}
        self._named: dict[tuple[str, str], str | None] = {}
        self._listed: dict[str, tuple[TreeEntry, ...]] = {}
        self._config_files: dict[str, str | None] = {}
        self._disk_rows: dict[str, TreeRow] = {}
        self._disk_answers: dict[str, InputError | None] = {}

    def has_commit(self, commit: str) -> bool:
        """Tell if the full hash is a commit of this repository."""
        return self._root_tree(commit) is not None

    def object_at(self, revision: str, path: str) -> str | None:
        """The identity of a path: a tree id for a folder (`.` is the workspace folder), `<mode>:<blob id>` for a file.

        None if there is no such path at the revision.

        Raises:
            InputError: a dirty submodule, an unknown commit or a path that leaves the workspace, each with a hint.
        """
        full = self._full_path(path)
        if revision == WORKTREE:
            return self._on_disk(full)
        commit = self._head_or_refuse() if revision == HEAD else revision
        key = (commit, full)
        if key not in self._named:
            self._named[key] = self._in_commit(commit, full)
        return self._named[key]

    def read(self, revision: str, path: str) -> bytes | None:
        """The content of a file at a revision, None if it is not a file there.

        Raises:
            InputError: as for `object_at`.
        """
        mode, _, oid = (self.object_at(revision, path) or "").rpartition(":")
        return next(self.blobs([oid])) if mode in (FILE, PROGRAM) else None

    def entries(self, object_id: str) -> Sequence[TreeEntry]:
        """Everything but folders below an object named by `object_at`, sorted by path; a file is one entry with path ``""``.

        Raises:
            InputError: more than a million files.
            IntegrityError: a tree is damaged, or has names that could leave their folder.
        """
        mode, _, oid = object_id.rpartition(":")
        if mode:
            return (TreeEntry("", mode, oid),)
        if object_id not in self._listed:
            listed = self._store().entries(oid)
            with self._lock:
                if len(self._listed) >= _TREES_LISTED:
                    self._listed.clear()
                self._listed[object_id] = listed
            return listed
        return self._listed[object_id]

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        """The contents of blobs, in order; few megabytes are held at a time.

        Raises:
            IntegrityError: a blob is damaged.
        """
        return self._store().blobs(oids) if oids else iter(())

    def head(self) -> str | None:
        """The full hash of HEAD when it was first asked for, None in a repository without commits."""
        with self._lock:
            if self._head is None:
                self._head = read_head(self._place.git_dir, self._place.common_dir) or self._rev_parse(HEAD)
            return self._head

    def resolve(self, revision: str) -> str | None:
        """The full hash that a branch, tag or short hash stands for, None if unknown."""
        if _HASH.match(revision):
            return revision if self.has_commit(revision) else None
        return self._rev_parse(revision)

    def is_dirty(self, paths: Sequence[str]) -> bool:
        """Tell if tracked or untracked unignored files below the paths differ from HEAD."""
        return any(self._differs(path) for path in paths)

    def last_change(self, path: str, line: int) -> Change | None:
        """Who changed a line of a file last, None if it is not committed."""
        return last_change(self._git, self._full_path(path), line)

    def published(self, wanted: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return those of these (path, identity) that are in a commit which a branch of a remote reaches."""
        return find_published(self._git, self.prefix, wanted, self.object_at)

    def has_config_file(self, revision: str, path: str) -> str | None:
        """The first TT*.yaml file at or below a path, from the workspace root; None if there is none.

        Raises:
            InputError: as for `object_at`.
        """
        object_id = self.object_at(revision, path)
        if object_id is None:
            return None
        if ":" in object_id:
            return path if _is_config_file(path) else None
        if object_id not in self._config_files:
            names = (entry.path for entry in self.entries(object_id) if _is_config_file(entry.path))
            self._config_files[object_id] = next(names, None)
        name = self._config_files[object_id]
        return None if name is None else "/".join((*_parts(path), name))

    def close(self) -> None:
        """End git and forget the private objects; happens at exit and at collection, too."""
        self._close()

    def _store(self) -> GitObjects:
        with self._lock:
            if self._objects is None:
                self._objects = GitObjects(self._place)
                self._close = weakref.finalize(self, self._objects.close)
            return self._objects

    def _full_path(self, path: str) -> str:
        parts = _parts(path)
        if path.startswith("/") or ".." in parts or "\0" in path or "\n" in path:
            raise InputError(
                f"`{path!r}` is no path inside the workspace",
                code="bad-path",
                hint="write it from the workspace root, such as `src/models`",
            )
        return "/".join((*_parts(self.prefix), *parts))

    def _in_commit(self, commit: str, full: str) -> str | None:
        tree = self._root_tree(commit)
        if tree is None:
            raise self._unknown_commit(commit)
        row = TreeRow(FOLDER, tree)
        for name in _parts(full):
            below = self._store().trees([row.oid])[0].get(name) if row.mode == FOLDER else None
            if below is None:
                return None
            row = below
        return row.object_id

    def _root_tree(self, commit: str) -> str | None:
        if commit in self._roots:
            return self._roots[commit]
        store = self._store()
        tree = store.tree_of_commit(commit) if _HASH.match(commit) and len(commit) == store.digits else None
        if tree is not None:  # a commit that is missing now may be fetched later
            self._roots[commit] = tree
        return tree

    def _on_disk(self, full: str) -> str | None:
        with self._lock:
            # A folder above that was looked at tells of all below it; one that failed tells nothing of them.
            if not any(self._disk_answers.get(above, _UNKNOWN) is None for above in _self_and_above(full)):
                error = self._disk_answers.get(full) or self._look_at_disk(full)
                if error is not None:
                    raise error
            row = self._disk_rows.get(full)
            return row.object_id if row else None

    def _look_at_disk(self, full: str) -> InputError | None:
        store = self._store()
        try:
            listing = list_files(self._git, full)
            snapshot = take_snapshot(listing, full, store.writer, store.digits, self._submodule_commit)
        except InputError as error:
            self._disk_answers[full] = error  # thousands of targets may ask again
            return error
        store.hold(snapshot.objects)
        self._disk_rows.update(snapshot.rows)
        self._disk_answers[full] = None
        return None

    def _submodule_commit(self, full: str) -> str:
        folder = Path(self._place.top, full)
        inner = GitRepository(folder, "")
        try:
            commit = inner.head()
            if commit is not None and not inner.is_dirty(["."]):
                return commit
        finally:
            inner.close()
        raise InputError(
            f"the submodule `{full}` has changes that are not committed",
            code="dirty-submodule",
            hint=f"git -C {folder} status",
        )

    def _differs(self, path: str) -> bool:
        # An untracked file decides at once: what lies about may be too large to be hashed for a yes.
        if list_files(self._git, self._full_path(path)).untracked:
            return True
        try:
            committed = self.object_at(HEAD, path) if self.head() else None
            return self.object_at(WORKTREE, path) != committed
        except InputError:
            return True

    def _head_or_refuse(self) -> str:
        commit = self.head()
        if commit is None:
            raise InputError(
                "the repository has no commit yet", code="no-commit", hint="git add -A && git commit -m 'Begin'"
            )
        return commit

    def _rev_parse(self, revision: str) -> str | None:
        if not revision or revision.startswith("-") or not revision.isprintable():
            return None
        answer = self._git.ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if answer.code == 0:
            return answer.output.decode("ascii").strip()
        if answer.code == 1 or revision != HEAD:
            return None
        raise git_failed("rev-parse", answer.complaint)

    def _unknown_commit(self, commit: str) -> InputError:
        if not _HASH.match(commit):
            hint = f"write the full hash: git rev-parse {commit}"
            return InputError(f"`{commit}` is not the full hash of a commit", code="unknown-commit", hint=hint)
        remotes = self._git.run("remote").decode("utf-8", "replace").split()
        remote = "origin" if "origin" in remotes or not remotes else remotes[0]
        where = "this shallow clone" if self._place.shallow else "this repository"
        return InputError(
            f"commit `{commit}` is not in {where}", code="unknown-commit", hint=f"git fetch {remote} {commit}"
        )


_UNKNOWN = InputError("not looked at yet")


def _known_place(top: str) -> GitPlace:
    place = place_at(top)
    if place is None:
        raise HostError(f"`{top}` is not the top of a git working tree", code="no-repository", hint="git init")
    return place


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _self_and_above(full: str) -> Iterator[str]:
    yield full
    while full:
        full = full.rpartition("/")[0]
        yield full


def _is_config_file(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith("TT") and name.endswith(".yaml")
