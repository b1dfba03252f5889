"""Inputs of a task: links to read-only artifacts, data from where it stays, and whether a task changed any of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from traintrack.action.action import Deliver, Origin
from traintrack.action.job import JobInput
from traintrack.errors import InputError
from traintrack.ports.sources import Origins
from traintrack.ports.storage import Artifacts

_Facts = tuple[int, int, int, int, int]

BROUGHT = ".origins"
"""Data that was fetched for one attempt lies in this folder beside the inputs, whose names never have a point."""


class StagedInput(Struct, frozen=True):
    """An input as the task finds it: `text` goes into the configuration, `source` is where the bytes lie.

    `source` is empty for a URL that the task reads by itself.

    `before` maps each path below `source` (empty for itself) to what its files were when the task began.
    """

    arg_path: tuple[str | int, ...]
    text: str
    source: str
    before: Mapping[str, _Facts]


def stage_inputs(
    inputs: Sequence[JobInput],
    artifacts: Artifacts,
    folder: str,
    origins: Origins | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[StagedInput, ...]:
    """Link every input to its place below `folder` and note how it looks, in the order of `inputs`.

    `stopped` is asked while data is fetched, which can take long.

    Raises:
        NotFoundError: an artifact or a part of it is not there.
        TraintrackError: data outside of the storage is not what was pinned, or cannot be had, or not any more.
        OSError: a link cannot be made.
    """
    seen: dict[str, Mapping[str, _Facts]] = {}
    brought: dict[tuple[Origin, str | None], str] = {}
    staged = []
    for item in inputs:
        if item.origin is None:
            source = str(artifacts.path(item.artifact, item.subpath))
        else:
            source = _source_of(item, item.origin, folder, origins, brought, stopped)
        if source not in seen:
            seen[source] = snapshot(source) if source else {}
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


def _source_of(
    item: JobInput,
    origin: Origin,
    folder: str,
    origins: Origins | None,
    brought: dict[tuple[Origin, str | None], str],
    stopped: Callable[[], bool],
) -> str:
    """Where data outside of the storage can be read on this machine, empty if only the task itself can reach it."""
    if origins is None:
        raise _out_of_reach(origin)
    if item.deliver is not Deliver.COPY:
        place = origins.folder(origin.uri)
        if place is None and item.deliver is Deliver.MOUNT:
            raise _out_of_reach(origin)
        return "" if place is None else _part(place, origin, item.subpath)
    key = (origin, item.subpath)
    if key not in brought:
        place = Path(folder) / BROUGHT / str(len(brought))
        origins.bring(origin, place, item.subpath, stopped)
        brought[key] = str(place / item.subpath) if item.subpath else str(place)
    return brought[key]


def _part(place: Path, origin: Origin, subpath: str | None) -> str:
    part = place / subpath if subpath else place
    if not part.exists():
        message = f"`{origin.uri}` has no `{subpath}`" if subpath else f"`{place}` is not there"
        raise InputError(message, code="no-such-path", hint=f"see what it has: ls {place}")
    return str(part)


def _out_of_reach(origin: Origin) -> InputError:
    message = f"`{origin.uri}` cannot be mounted here"
    return InputError(message, code="unsupported", hint="write `deliver: copy`, or `import: true`")


def _deliver(item: JobInput, source: str, folder: str) -> str:
    if item.origin is not None and not source:
        uri = item.origin.uri
        return f"{uri.rstrip('/')}/{quote(item.subpath)}" if item.subpath else uri
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
