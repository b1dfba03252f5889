"""Whether results stand, asked without opening a store: marks of the folders that cells lie in, and the cells' bytes.

Nothing but `os` is imported, and nothing is written. A cell changes by a rename into the folder of its shard or by a
removal from it (`cells.py`), which gives the folder a new time of change. The kernel's clock for that moves in ticks
of some milliseconds: so a folder that changed a moment ago gets no mark, and its cells are read again next time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

Mark = tuple[int, int, int]
"""Inode, time of modification and of change, both in nanoseconds: that of the change cannot be set by anyone."""

SETTLED_NS = 2_000_000_000
"""So long ago a folder must have changed for its mark to be kept; the coarsest clock of a file system is far finer."""

_NAMESPACE = "default"
_DONE = b'{"state":"DONE",'
_FORMAT = b'"format":"traintrack/cell/1"'
_ARTIFACT = b'"result":{"artifact":"'
_MOST_BYTES = 1 << 16


def store_mark(root: str) -> tuple[int, ...] | None:
    """What tells one store from another at the same path, and from one of another format; None if there is none."""
    try:
        folder, mark = os.stat(root), os.stat(f"{root}/store.json")
    except OSError:
        return None
    return (folder.st_dev, folder.st_ino, mark.st_ino, mark.st_mtime_ns, mark.st_ctime_ns)


def shard_marks(root: str, shards: Iterable[str], now_ns: int | None = None) -> dict[str, Mark]:
    """Return the marks of shards (two hex digits each) as they are now, without those that changed a moment ago."""
    latest = (time.time_ns() if now_ns is None else now_ns) - SETTLED_NS
    marks = {}
    for shard in shards:
        try:
            folder = os.stat(f"{root}/ns/{_NAMESPACE}/cell/{shard}")
        except OSError:
            continue
        if folder.st_mtime_ns < latest and folder.st_ctime_ns < latest:
            marks[shard] = (folder.st_ino, folder.st_mtime_ns, folder.st_ctime_ns)
    return marks


def all_stand(root: str, ids: Iterable[str]) -> bool:
    """Tell if every ID surely has a result; a cell that is in any way odd is one to be looked at in full."""
    return all(_done(root, id_) is not None for id_ in ids)


def artifact_folder(root: str, id_: str) -> str | None:
    """Return the folder of the artifact that stands for an ID, None if it is not surely there."""
    data = _done(root, id_)
    if data is None:
        return None
    begin = data.find(_ARTIFACT) + len(_ARTIFACT)
    digest = data[begin : begin + 64].decode("ascii", "replace")
    folder = f"{root}/artifact/{digest[:2]}/{digest}"
    return folder if begin > len(_ARTIFACT) and os.path.lexists(folder) else None


def _done(root: str, id_: str) -> bytes | None:
    from traintrack.storages.local.checksum import sum_is_right  # noqa: PLC0415 - marks alone need no checksum

    try:
        fd = os.open(f"{root}/ns/{_NAMESPACE}/cell/{id_[:2]}/{id_}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        data = os.read(fd, _MOST_BYTES)
    except OSError:
        return None
    finally:
        os.close(fd)
    return data if data.startswith(_DONE) and _FORMAT in data and sum_is_right(data, id_) else None
