"""Checkpoints of unfinished work: written by tasks, kept between attempts, gone after a success (DESIGN 7.1).

A task writes into a folder of its attempt below this store, not into the scratch that is removed with the
attempt. So nothing has to be moved to safety when a task, the runner or the machine dies.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from traintrack.runners.contract.stage import remove_tree


class Sealed(Struct, frozen=True):
    """A checkpoint that its task has finished writing; ordered by time, then by name."""

    changed_ns: int
    name: str
    key: str


class Checkpoints:
    """Keeps at most one sealed checkpoint per flight under `root`; keys are `<flight>~<attempt folder>/<name>`."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)

    def begin(self, flight: str, attempt_folder: str, key: str | None, spare: str | None = None) -> str:
        """Make the folder of an attempt, move the checkpoint `key` into it, and return its path.

        A checkpoint that is not there any more is left out: the attempt starts from the beginning. `spare` is
        an empty folder that is used for it where it can be moved.

        Raises:
            OSError: the folder cannot be made.
        """
        folder = f"{self._root}/{_prefix(flight)}{attempt_folder}"
        try:
            _make_or_move(folder, spare)
        except FileNotFoundError:
            os.makedirs(self._root, exist_ok=True)
            _make_or_move(folder, spare)
        source = self._path(key)
        if source is not None and os.path.lexists(source):
            os.rename(source, f"{folder}/{os.path.basename(source)}")
        return folder

    def seal(self, flight: str, own: str | None = None) -> str | None:
        """Keep only the newest sealed checkpoint of a flight that has no living attempt; return its key or None.

        The folder `own`, of the attempt that ends, goes at once where it is empty: also if no folder can be listed.
        """
        if own is not None:
            with suppress(OSError):
                os.rmdir(own)
        best = self._newest(flight)
        for folder in self._folders(flight):
            self._keep_only(folder, best)
        return best.key if best else None

    def find(self, flight: str) -> str | None:
        """Return the key of the newest sealed checkpoint of a flight, None if there is none."""
        best = self._newest(flight)
        return best.key if best else None

    def path_of(self, key: str | None) -> str | None:
        """Return where a checkpoint lies, None if it is not there (any more)."""
        path = self._path(key)
        return path if path is not None and os.path.lexists(path) else None

    def place_for(self, key: str) -> str | None:
        """Return where a checkpoint of another machine is to be put, None for a text that is no key of ours.

        Raises:
            OSError: its folder cannot be made.
        """
        path = self._path(key)
        if path is not None:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        return path

    def drop(self, flight: str, own: str | None = None, spare: str | None = None) -> None:
        """Remove all checkpoints of a flight; the folder `own` is moved to `spare`, with what is in it, where it can be."""
        if own is not None and spare is not None:
            _moved(own, spare)
        for folder in self._folders(flight):
            remove_tree(f"{self._root}/{folder}")

    def _folders(self, flight: str) -> list[str]:
        prefix = _prefix(flight)
        return [name for name in _names(self._root) if name.startswith(prefix)]

    def _path(self, key: str | None) -> str | None:
        """Return the path of a key, None for a text that is no key of ours (it could name another place)."""
        parts = (key or "").split("/")
        if len(parts) != 2 or any(part in ("", ".", "..") for part in parts):
            return None
        return f"{self._root}/{key}"

    def _newest(self, flight: str) -> Sealed | None:
        found = [sealed for folder in self._folders(flight) for sealed in _sealed(f"{self._root}/{folder}", folder)]
        return max(found, key=lambda s: (s.changed_ns, s.name), default=None)

    def _keep_only(self, folder: str, best: Sealed | None) -> None:
        if best is None or not best.key.startswith(f"{folder}/"):
            remove_tree(f"{self._root}/{folder}")
            return
        for name in _names(f"{self._root}/{folder}"):
            if name != best.name:
                remove_tree(f"{self._root}/{folder}/{name}")


def is_sealed(name: str) -> bool:
    """Tell if a top-level entry with this name is finished, by the rule of the contract."""
    return not name.startswith(".") and not name.endswith(".tmp")


def _prefix(flight: str) -> str:
    # `quote` takes a tilde for safe; here it ends the name, so that no flight begins like another.
    return f"{quote(flight, safe='').replace('~', '%7E')}~"


def _make_or_move(folder: str, spare: str | None) -> None:
    if spare is None or not _moved(spare, folder):
        os.mkdir(folder, 0o700)


def _moved(source: str, target: str) -> bool:
    try:
        os.rename(source, target)
    except OSError:
        # It lies on another file system, or what should be moved is not there: a folder can still be made.
        return False
    return True


def _sealed(folder: str, key: str) -> list[Sealed]:
    found = []
    for name in _names(folder):
        if not is_sealed(name):
            continue
        try:
            facts = os.lstat(f"{folder}/{name}")
        except FileNotFoundError:
            # A living task tidies up while we look.
            continue
        # A link such as `latest` is not a checkpoint itself and would point nowhere after a move.
        if stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode):
            found.append(Sealed(facts.st_mtime_ns, name, f"{key}/{name}"))
    return found


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
