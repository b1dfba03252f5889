"""Breaks things in a store through the file system, each in a way that a disk, a program or a person might."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Planted:
    """What was broken: paths from the store's root, of which each must be told by a finding of its own."""

    what: str
    how: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """Where the parts of one result lie, as paths from the store's root; `notes` is None if it has none."""

    id: str
    label: str
    cell: str
    record: str
    manifest: str
    artifact: str
    notes: str | None


PARTS = ("artifact", "manifest", "record", "cell", "notes")
FILE_DAMAGES = ("flip", "cut", "delete", "swap", "empty")
ARTIFACT_DAMAGES = (
    *FILE_DAMAGES,
    "extra",
    "extra folder",
    "writable",
    "executable",
    "open folder",
    "unreadable",
    "gone",
)


class Breaker:
    """Plants damage chosen by `chance`, and says where. Files keep their mtime in half of the cases."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self._root, self._chance = root, chance

    def break_one(self, result: Result, other: Result, part: str, how: str) -> Planted | None:
        """Break a part of a result; `swap` breaks that of `other` too. None if there is nothing to break in this way."""
        if part == "artifact":
            return self._break_artifact(result, how)
        path, second = getattr(result, part), getattr(other, part)
        if path is None or (how == "swap" and (second is None or second == path)):
            return None
        return Planted(part, how, tuple(self._break_file(path, how, second)))

    def _break_artifact(self, result: Result, how: str) -> Planted | None:
        folder = self._root / result.artifact
        files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink() and p.stat().st_size]
        path = self._chance.choice(files)
        shown = os.path.relpath(path, self._root)
        if how == "swap":
            others = [p for p in files if p.read_bytes() != path.read_bytes()]
            if not others:
                return None
            second = os.path.relpath(self._chance.choice(others), self._root)
            return Planted("artifact", how, tuple(self._break_file(shown, how, second)))
        if how in FILE_DAMAGES:
            return Planted("artifact", how, tuple(self._break_file(shown, how, None)))
        parent = path.parent
        return Planted("artifact", how, (os.path.relpath(_SPECIAL[how](folder, parent, path), self._root),))

    def _break_file(self, shown: str, how: str, other: str | None) -> Iterator[str]:
        path = self._root / shown
        before = path.stat()
        with _opened(path.parent):
            if how == "delete":
                path.unlink()
            elif how == "swap":
                assert other is not None
                with _opened((self._root / other).parent):
                    _swap(path, self._root / other)
                yield other
            else:
                self._rewrite(path, how)
                os.chmod(path, before.st_mode)
                if self._chance.random() < 0.5:
                    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        yield shown

    def _rewrite(self, path: Path, how: str) -> None:
        data = bytearray(path.read_bytes())
        if how == "flip":
            data[self._chance.randrange(len(data))] ^= 1 << self._chance.randrange(8)
        else:
            del data[self._chance.randrange(len(data)) if how == "cut" else 0 :]
        os.chmod(path, 0o644)
        path.write_bytes(data)


def _swap(one: Path, two: Path) -> None:
    aside = two.with_name("aside")
    two.rename(aside)
    one.rename(two)
    aside.rename(one)


class _opened:  # noqa: N801
    """Makes a folder writable for a while."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._mode = stat.S_IMODE(self._folder.stat().st_mode)
        self._folder.chmod(0o755)

    def __exit__(self, *error: object) -> None:
        self._folder.chmod(self._mode)


def _extra(folder: Path, parent: Path, path: Path) -> Path:
    with _opened(parent):
        (parent / "extra.txt").write_text("not mine")
    return parent / "extra.txt"


def _extra_folder(folder: Path, parent: Path, path: Path) -> Path:
    with _opened(parent):
        (parent / "extra").mkdir()
    return parent / "extra"


def _executable(folder: Path, parent: Path, path: Path) -> Path:
    path.chmod(path.stat().st_mode ^ 0o111)
    return path


def _changed_mode(mode: int) -> Callable[[Path, Path, Path], Path]:
    def change(folder: Path, parent: Path, path: Path) -> Path:
        path.chmod(mode | (path.stat().st_mode & 0o111) if mode else 0)
        return path

    return change


def _open_folder(folder: Path, parent: Path, path: Path) -> Path:
    parent.chmod(0o755)
    return parent


def _gone(folder: Path, parent: Path, path: Path) -> Path:
    with _opened(folder.parent):
        folder.chmod(0o755)
        folder.rename(folder.parent / "elsewhere")
    return folder


_SPECIAL: dict[str, Callable[[Path, Path, Path], Path]] = {
    "extra": _extra,
    "extra folder": _extra_folder,
    "executable": _executable,
    "writable": _changed_mode(0o644),
    "unreadable": _changed_mode(0o000),
    "open folder": _open_folder,
    "gone": _gone,
}
