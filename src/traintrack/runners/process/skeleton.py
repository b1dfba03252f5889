"""Stages that are emptied and used again: to make and remove folders costs more than the rest of a small attempt.

A folder that a task has changed itself (another mode, owner or attribute, or another folder in its place) is found by
comparing with what was noted when it was made; then the whole stage is thrown away. So no attempt can tell
whether its stage is new.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from pathlib import Path

from traintrack.ports.storage import Staging
from traintrack.runners.process.stage import Stage, remove_tree

_GROWN_BYTES = 1 << 16
"""A folder that once held thousands of entries stays large on some file systems, and slow to list."""

_Facts = tuple[int, int, int, int, int, tuple[str, ...]]


class Skeleton:
    """The folders of one stage. One attempt has it at a time; `path` is where it lies now."""

    def __init__(self, path: str) -> None:
        self.path = path
        # How each folder was when it was made, by its path in the stage; parents stand before their children.
        self._made: dict[str, _Facts] = {}
        self._code: tuple[str, ...] = ()

    def furnish(self, code: tuple[str, ...]) -> None:
        """Have the folders of an attempt, and exactly the folders `code` (parents first) below its current folder.

        Raises:
            OSError: a folder cannot be made; the stage is still good to be cleaned.
        """
        if not self._made:
            self._make_first()
        if code == self._code:
            return
        for path in [p for p in self._made if p.startswith("work/")]:
            del self._made[path]
        self._code = ()
        self._empty("work")
        for path in code:
            self._make(f"work/{path}", 0o777)
        self._code = code

    def clean(self) -> bool:
        """Remove all but the folders; False if something is odd, so that no other attempt may have this stage.

        No process may use it any more. Links are removed, never followed: a folder is entered only if its
        parent lists it as one.
        """
        try:
            if not self._made or _facts(self.path) != self._made[""]:
                return False
            for path in self._made:
                self._empty(path)
            self._replace_spare()
            return all(_facts(f"{self.path}/{path}") == made for path, made in self._made.items())
        except OSError:
            return False

    def remove(self) -> None:
        """Remove the stage with all that is in it.

        Raises:
            OSError: something cannot be removed.
        """
        remove_tree(self.path)

    def _make_first(self) -> None:
        stage = Stage(self.path, "")
        os.chmod(self.path, 0o700)
        for path in (stage.work, stage.home, stage.temporary, stage.inputs):
            self._make(path[len(self.path) + 1 :], 0o755)
        self._make(stage.spare[len(self.path) + 1 :], 0o700)
        self._made = {"": _facts(self.path), **self._made}

    def _make(self, path: str, mode: int) -> None:
        there = f"{self.path}/{path}"
        os.mkdir(there, mode)
        self._made[path] = _facts(there)

    def _empty(self, path: str) -> None:
        with os.scandir(f"{self.path}/{path}") as listing:
            entries = list(listing)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
            elif (f"{path}/{entry.name}" if path else entry.name) not in self._made:
                shutil.rmtree(entry.path)

    def _replace_spare(self) -> None:
        """Make the folder for checkpoints anew if the attempt has kept the former one."""
        path = Stage("", "").spare[1:]
        if not os.path.lexists(f"{self.path}/{path}"):
            self._make(path, 0o700)


class Skeletons:
    """The stages of a process that no attempt has at the moment; never more than attempts ran at once.

    They lie under the names of their last attempts, so what is left of them after a crash is swept like any
    stage of a dead process.
    """

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._guard = threading.Lock()
        self._idle: list[Skeleton] = []
        self._closed = False
        self._pid = os.getpid()

    def take(self, name: str) -> Skeleton:
        """Return a stage under that name: one that is idle, or a new one that is still empty.

        Raises:
            HostError: none can be made.
        """
        while (skeleton := self._pop()) is not None:
            path = self._staging.rename_stage(Path(skeleton.path), name)
            if path is not None:
                skeleton.path = str(path)
                return skeleton
            with contextlib.suppress(OSError):
                skeleton.remove()
        return Skeleton(str(self._staging.new_stage(name)))

    def put(self, skeleton: Skeleton) -> None:
        """Keep a stage that is clean for another attempt.

        Raises:
            OSError: it is not wanted any more and cannot be removed.
        """
        with self._guard:
            if not self._closed:
                self._idle.append(skeleton)
                return
        skeleton.remove()

    def close(self) -> None:
        """Remove all, and keep none from now on; what cannot be removed is left to the sweep."""
        with self._guard:
            self._closed = True
        while (skeleton := self._pop()) is not None:
            with contextlib.suppress(OSError):
                skeleton.remove()

    def _pop(self) -> Skeleton | None:
        with self._guard:
            # A child of a fork has this list too, but the stages are its parent's.
            return self._idle.pop() if self._idle and self._pid == os.getpid() else None


def _facts(path: str) -> _Facts:
    """Note what tells this folder from another, and what of it the next task would notice.

    Raises:
        OSError: it is not there, or has grown so that it should not be used again.
    """
    there = os.lstat(path)
    if there.st_size > _GROWN_BYTES:
        raise OSError(f"{path} has grown")
    attributes = tuple(os.listxattr(path, follow_symlinks=False)) if hasattr(os, "listxattr") else ()
    return there.st_dev, there.st_ino, there.st_mode, there.st_uid, there.st_gid, attributes
