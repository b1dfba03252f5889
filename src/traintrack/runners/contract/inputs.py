"""Inputs of a task: links to read-only artifacts, and whether a task changed what it was only given to read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from msgspec import Struct

from traintrack.action.action import Deliver
from traintrack.action.job import JobInput
from traintrack.ports.storage import Artifacts

_Facts = tuple[int, int, int, int, int]


class StagedInput(Struct, frozen=True):
    """An input as the task finds it: `text` goes into the configuration, `source` is where the bytes lie.

    `before` maps each path below `source` (empty for itself) to what its files were when the task began.
    """

    arg_path: tuple[str | int, ...]
    text: str
    source: str
    before: Mapping[str, _Facts]


def stage_inputs(inputs: Sequence[JobInput], artifacts: Artifacts, folder: str) -> tuple[StagedInput, ...]:
    """Link every input to its place below `folder` and note how it looks, in the order of `inputs`.

    Raises:
        NotFoundError: an artifact or a part of it is not there.
        OSError: a link cannot be made.
    """
    seen: dict[str, Mapping[str, _Facts]] = {}
    staged = []
    for item in inputs:
        source = str(artifacts.path(item.artifact, item.subpath))
        if source not in seen:
            seen[source] = snapshot(source)
        staged.append(StagedInput(item.arg_path, _deliver(item, source, folder), source, seen[source]))
    return tuple(staged)


def first_change(staged: Sequence[StagedInput]) -> tuple[StagedInput, str] | None:
    """Return the first input that is not as it was, with the path of a changed, added or removed file in it."""
    looked_at: set[str] = set()
    for item in staged:
        if item.source in looked_at:
            continue
        looked_at.add(item.source)
        after = snapshot(item.source)
        if after != item.before:
            paths = sorted(p for p in after.keys() | item.before.keys() if after.get(p) != item.before.get(p))
            # The folder around a file that came or went changes too; the file says more.
            return item, max(paths, key=lambda p: (p.count("/") + bool(p), p))
    return None


def snapshot(source: str) -> dict[str, _Facts]:
    """Note mode, size, mtime, ctime and inode of everything at and below a path, without following links."""
    found: dict[str, _Facts] = {}
    try:
        top = os.lstat(source)
    except FileNotFoundError:
        return found
    found[""] = _facts(top)
    is_folder = os.path.isdir(source) if stat.S_ISLNK(top.st_mode) else stat.S_ISDIR(top.st_mode)
    folders = [""] if is_folder else []
    while folders:
        folder = folders.pop()
        with os.scandir(f"{source}/{folder}") as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                found[path] = _facts(entry.stat(follow_symlinks=False))
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
    return found


def _deliver(item: JobInput, source: str, folder: str) -> str:
    if item.deliver is Deliver.URI:
        return f"file://{quote(source)}"
    # A mount is a link too: a process shares the file system, there is nothing to mount.
    place = f"{folder}/{item.folder}"
    try:
        os.symlink(source, place)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(source, place)
    return place


def _facts(there: os.stat_result) -> _Facts:
    return there.st_mode, there.st_size, there.st_mtime_ns, there.st_ctime_ns, there.st_ino
