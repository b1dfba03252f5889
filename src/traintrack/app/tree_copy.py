"""Copies an artifact, or a part of it, to where a person wants it: shared blocks where the disk can, whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blake3 import blake3

from traintrack.action.manifest import Entry, EntryType, Manifest
from traintrack.errors import HostError, UsageError
from traintrack.runners.contract.reflink import shared_blocks

_READ_BYTES = 4 * 1024 * 1024
_SHOWN_PATH = 300
_CHUNK_BYTES = 64 * 1024 * 1024
_NOT_HERE = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM, errno.EBADF}
)
_MARKS_OF_A_PROJECT = (".git", "TTWORKSPACE.yaml", "TTCONFIG.yaml")


def copy_tree(source: Path, manifest: Manifest, destination: Path) -> None:
    """Copy what `manifest` lists from `source` to `destination`, or leave what is equal there already.

    Files become 0644 or 0755 and folders 0755, less the user's umask. The copy is made beside the destination
    and renamed, so that half of one is never seen.

    Raises:
        UsageError: something else stands there.
        HostError: the copy cannot be written.
    """
    difference = first_difference(destination, manifest)
    if difference is None:
        return
    if os.path.lexists(destination):
        raise UsageError(
            f"`{destination}` is there already and differs: {difference}",
            code="copy-differs",
            hint="give another folder with `-o`, or `--force` to replace what is there",
        )
    with _beside(destination) as made:
        _write(source, manifest, made)
        os.rename(made, destination)


def replace_tree(source: Path, manifest: Manifest, destination: Path) -> None:
    """Copy as `copy_tree` does, and take the place of whatever stands at `destination`.

    Raises:
        UsageError: a repository, a workspace or an experiment stands there.
        HostError: the copy cannot be written.
    """
    if first_difference(destination, manifest) is None:
        return
    for mark in _MARKS_OF_A_PROJECT:
        if os.path.lexists(destination / mark):
            raise UsageError(
                f"`{destination}` holds a `{mark}` and is not replaced",
                code="copy-refused",
                hint="give another folder with `-o`",
            )
    with _beside(destination) as made, _beside(destination) as old:
        _write(source, manifest, made)
        _take_place(made, destination, old)


def first_difference(place: Path, manifest: Manifest) -> str | None:
    """Say in words how a file or folder differs from a manifest; None if it is equal, modes aside."""
    if not os.path.lexists(place):
        return "nothing is there"
    if _is_one_file(manifest):
        return _entry_difference(str(place), manifest.entries[0])
    if place.is_symlink() or not place.is_dir():
        return "it is not a folder"
    for entry in manifest.entries:
        difference = _entry_difference(os.path.join(place, entry.path), entry)
        if difference:
            return f"`{entry.path}` {difference}"
    extra = _first_extra(place, manifest)
    return f"`{extra}` is not part of the artifact" if extra else None


def _take_place(made: Path, destination: Path, old: Path) -> None:
    if os.path.lexists(destination):
        os.rename(destination, old)
    try:
        os.rename(made, destination)
    except OSError:
        if os.path.lexists(old):
            os.rename(old, destination)
        raise


def _is_one_file(manifest: Manifest) -> bool:
    return len(manifest.entries) == 1 and manifest.entries[0].path == ""


def _entry_difference(path: str, entry: Entry) -> str | None:
    try:
        seen = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    if entry.type is EntryType.FOLDER:
        return None if stat.S_ISDIR(seen.st_mode) else "is not a folder"
    if entry.type is EntryType.LINK:
        same = stat.S_ISLNK(seen.st_mode) and os.readlink(path) == entry.target
        return None if same else "is another link"
    if not stat.S_ISREG(seen.st_mode):
        return "is not a file"
    if seen.st_size != entry.size or _digest(path) != entry.digest:
        return "has other content"
    return None


def _digest(path: str) -> str:
    # Read and not mapped: a mapped file that gets shorter meanwhile kills the process.
    hasher = blake3()
    with _told(path), open(path, "rb", buffering=0) as stream:
        while data := stream.read(_READ_BYTES):
            hasher.update(data)
    return hasher.hexdigest()


def _first_extra(place: Path, manifest: Manifest) -> str | None:
    """The first path below `place` that the manifest neither lists nor implies."""
    known = set(_folders(manifest)) | {e.path for e in manifest.entries}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for item in sorted(os.scandir(place / folder), key=lambda i: i.name):
            path = f"{folder}/{item.name}" if folder else item.name
            if path not in known:
                return path
            if item.is_dir(follow_symlinks=False):
                waiting.append(path)
    return None


def _folders(manifest: Manifest) -> list[str]:
    """Every folder that the manifest lists or implies, parents first."""
    found: dict[str, None] = {}
    for entry in manifest.entries:
        parts = entry.path.split("/")
        until = len(parts) if entry.type is not EntryType.FOLDER else len(parts) + 1
        for depth in range(1, until):
            found["/".join(parts[:depth])] = None
    return list(found)


def _write(source: Path, manifest: Manifest, made: Path) -> None:
    if _is_one_file(manifest):
        _copy_entry(str(source), str(made), manifest.entries[0])
        return
    with _told(str(made)):
        made.mkdir()
        for folder in _folders(manifest):
            (made / folder).mkdir()
    for entry in manifest.entries:
        if entry.type is not EntryType.FOLDER:
            _copy_entry(os.path.join(source, entry.path), os.path.join(made, entry.path), entry)


def _copy_entry(source: str, made: str, entry: Entry) -> None:
    with _told(made):
        if entry.type is EntryType.LINK:
            os.symlink(entry.target or "", made)
            return
        reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            _copy_file(reading, made, 0o755 if entry.executable else 0o644)
        finally:
            os.close(reading)


def _copy_file(reading: int, made: str, mode: int) -> None:
    writing = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        if not shared_blocks(reading, writing) and not _copied_in_kernel(reading, writing):
            with os.fdopen(os.dup(reading), "rb") as old, os.fdopen(os.dup(writing), "wb") as new:
                shutil.copyfileobj(old, new, 1024 * 1024)
    finally:
        os.close(writing)


def _copied_in_kernel(reading: int, writing: int) -> bool:
    """Try `copy_file_range`; False if it cannot be used between these files, with nothing written then."""
    copy = getattr(os, "copy_file_range", None)
    if copy is None:
        return False
    done = 0
    while True:
        try:
            count = copy(reading, writing, _CHUNK_BYTES)
        except OSError as error:
            if done == 0 and error.errno in _NOT_HERE:
                return False
            raise
        if count == 0:
            # Some file systems of the kernel's own say 0 at once; the plain copy then finds out.
            return done > 0
        done += count


@contextmanager
def _beside(destination: Path) -> Iterator[Path]:
    """A name beside the destination for a copy in the making; what is left there at the end is removed."""
    place = destination.parent / f".{destination.name}.{secrets.token_hex(4)}.tmp"
    with _told(str(destination)):
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield place
        finally:
            _remove(place)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    elif os.path.lexists(place):
        place.unlink()


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn an error of the disk into one that names the path."""
    try:
        yield
    except OSError as error:
        too_long = error.errno == errno.ENAMETOOLONG
        where = str(error.filename or path)
        raise HostError(
            f"`{where if len(where) <= _SHOWN_PATH else f'{where[:_SHOWN_PATH]}…'}` cannot be copied: "
            f"{(error.strerror or str(error)).lower()}",
            code="copy-failed",
            hint="`traintrack pull` without `-o` tells where it lies"
            if too_long
            else "free space or give another folder with `-o`",
        ) from error
