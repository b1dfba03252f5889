"""Stages that are emptied and used again: to make and remove files and folders costs more than the rest of a small attempt.

ext4 looks at each number of a deleted file of the last minutes before it makes a new one (`recently_deleted` in
fs/ext4/ialloc.c), so what counts most is to delete little. What a task has not touched stays: its facts are those
noted before, and would not be after a change. What a task has changed itself (another mode, owner or attribute,
or something else in its place) makes the whole stage odd; then it is thrown away. So no attempt can tell
whether its stage is new.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from pathlib import Path

from traintrack.runners.contract.code_folder import CodeEntry, CodeKind, CodeTree, write_entry
from traintrack.runners.contract.stage import Stage, remove_tree, write_all

_GROWN_BYTES = 1 << 16
"""A folder that once held thousands of entries stays large on some file systems, and slow to list."""

_TICK_NS = 100_000_000
"""Times of files stand still for up to 10 ms: a change right after the last one may not show in them."""

_FOLDER_MODES = {"work": 0o755, "home": 0o755, "temporary": 0o755, "in": 0o755, "checkpoints": 0o700}
_NEW_TREE = CodeTree((), {})

_Facts = tuple[int, int, int, int, int, int, int, int, int]
_Identity = tuple[int, int, int, int, int, tuple[str, ...]]


class Skeleton:
    """The folders of one stage, its code and its configuration file. One attempt has it at a time.

    `path` is where it lies now. Paths in it are relative; in its tables parents stand before their children.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._made: dict[str, _Identity] = {}
        self._facts: dict[str, _Facts] = {}
        self._code = _NEW_TREE
        self._files: dict[str, _Facts] = {}
        self._config: int | None = None
        self._config_facts: tuple[int, ...] = ()
        self._begun_ns = 0

    def furnish(self, code: CodeTree) -> None:
        """Begin an attempt: have its folders, and exactly this code below the current one.

        Raises:
            OSError: something cannot be written; the stage is still good to be cleaned.
        """
        self._begun_ns = time.time_ns()
        if not self._made:
            self._make_first()
        if code is not self._code and code != self._code:
            self._empty_work()
            for folder in code.folders:
                self._make(f"work/{folder}", 0o777)
            self._code = code
        for path, entry in code.entries.items():
            if path not in self._files:
                write_entry(f"{self.path}/work/{path}", entry)
                self._files[path] = _facts(os.lstat(f"{self.path}/work/{path}"))

    def write_config(self, data: bytes) -> None:
        """Write CONFIG_YAML.

        Raises:
            OSError: it cannot be written.
        """
        if self._config is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self._config = os.open(Stage(self.path, "").config, flags, 0o444)
            self._config_facts = _file_identity(os.fstat(self._config))
        os.lseek(self._config, 0, os.SEEK_SET)
        write_all(self._config, data)
        os.ftruncate(self._config, len(data))

    def clean(self) -> bool:
        """Bring it back to what it was before the attempt; False if something is odd: no other attempt may have it then.

        No process may use it any more. Links are removed, never followed: a folder is entered only after its
        parent, which lists it as one.
        """
        try:
            self._restore_config()
            if not self._made or any(not self._restore(path) for path in list(self._made)):
                return False
            for path, entry in self._code.entries.items():
                self._restore_file(path, entry)
        except (OSError, RecursionError):
            return False
        return True

    def remove(self) -> None:
        """Remove the stage with all that is in it.

        Raises:
            OSError: something cannot be removed.
        """
        self._forget_config()
        remove_tree(self.path)

    def _make_first(self) -> None:
        os.chmod(self.path, 0o700)
        self._note("")
        for path, mode in _FOLDER_MODES.items():
            self._make(path, mode)

    def _make(self, path: str, mode: int) -> None:
        os.mkdir(self._at(path), mode)
        self._note(path)

    def _note(self, path: str) -> None:
        there = os.lstat(self._at(path))
        self._made[path] = _identity(there, self._at(path))
        self._facts[path] = _facts(there)

    def _empty_work(self) -> None:
        for path in [p for p in self._made if p.startswith("work/")]:
            del self._made[path], self._facts[path]
        self._code, self._files = _NEW_TREE, {}
        self._empty("work")

    def _restore(self, path: str) -> bool:
        """Empty a folder but for what stays in it; False if it is not the one that was made."""
        where = self._at(path)
        try:
            there = os.lstat(where)
        except FileNotFoundError:
            if path not in _FOLDER_MODES or path == "work":
                return False
            # The attempt has kept its checkpoints.
            self._make(path, _FOLDER_MODES[path])
            return True
        if self._is_settled(self._facts[path]) and _facts(there) == self._facts[path]:
            return True
        if _identity(there, where) != self._made[path] or there.st_size > _GROWN_BYTES:
            return False
        self._empty(path)
        self._facts[path] = _facts(os.lstat(where))
        return True

    def _empty(self, path: str) -> None:
        with os.scandir(self._at(path)) as listing:
            entries = list(listing)
        for entry in entries:
            name = f"{path}/{entry.name}" if path else entry.name
            if entry.is_dir(follow_symlinks=False):
                if name not in self._made:
                    shutil.rmtree(entry.path)
            elif not self._stays(name, entry):
                os.unlink(entry.path)

    def _stays(self, name: str, entry: os.DirEntry[str]) -> bool:
        if name == "config.yaml":
            return self._config is not None
        if name == "log":
            there = entry.stat(follow_symlinks=False)
            untouched = (there.st_mode, there.st_nlink, there.st_size) == (stat.S_IFREG | 0o600, 1, 0)
            return untouched and there.st_uid == os.geteuid() and not _attributes(entry.path)
        # Code is judged afterwards, file by file: also where its folder was not touched.
        return name.startswith("work/") and name[5:] in self._files

    def _restore_file(self, path: str, entry: CodeEntry) -> None:
        """Keep a file or link of the code if it is untouched; else `furnish` writes it anew."""
        noted, where = self._files.get(path), f"{self.path}/work/{path}"
        if noted is None:
            return
        try:
            same = _facts(os.lstat(where)) == noted
        except FileNotFoundError:
            del self._files[path]
            return
        if not same or not (self._is_settled(noted) or _content(where, entry) == entry.data):
            del self._files[path]
            os.unlink(where)

    def _is_settled(self, noted: _Facts) -> bool:
        """Tell if the attempt began so long after the last change that any change since must show in the times."""
        return noted[-1] + _TICK_NS < self._begun_ns

    def _restore_config(self) -> None:
        """Keep the file only under its one name: a task may have moved or linked it into its output."""
        where = Stage(self.path, "").config
        try:
            same = _file_identity(os.lstat(where)) == self._config_facts and not _attributes(where)
        except FileNotFoundError:
            same = False
        if not same:
            self._forget_config()

    def _forget_config(self) -> None:
        if self._config is not None:
            with contextlib.suppress(OSError):
                os.close(self._config)
        self._config, self._config_facts = None, ()

    def _at(self, path: str) -> str:
        return f"{self.path}/{path}" if path else self.path


def _facts(there: os.stat_result) -> _Facts:
    """Note what no change leaves as it is; the time of change comes last."""
    owner = there.st_uid, there.st_gid
    times = there.st_mtime_ns, there.st_ctime_ns
    return there.st_dev, there.st_ino, there.st_mode, there.st_nlink, *owner, there.st_size, *times


def _identity(there: os.stat_result, path: str) -> _Identity:
    """Note of a folder what the next task would notice, whatever came and went in it."""
    return there.st_dev, there.st_ino, there.st_mode, there.st_uid, there.st_gid, _attributes(path)


def _file_identity(there: os.stat_result) -> tuple[int, ...]:
    return there.st_dev, there.st_ino, there.st_mode, there.st_nlink, there.st_uid, there.st_gid


def _attributes(path: str) -> tuple[str, ...]:
    return tuple(os.listxattr(path, follow_symlinks=False)) if hasattr(os, "listxattr") else ()


def _content(path: str, entry: CodeEntry) -> bytes:
    if entry.kind is CodeKind.LINK:
        return os.fsencode(os.readlink(path))
    return Path(path).read_bytes()
