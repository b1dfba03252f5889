"""Brings listed files to a folder: several at once, each read on after a cut, nothing beyond what was listed."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from traintrack.action.links import first_escape
from traintrack.errors import HostError, InputError, IntegrityError
from traintrack.ports.sources import CutError, SourceEntry, SourceReader
from traintrack.storages.sources.listing import row_of
from traintrack.storages.sources.patience import Patience
from traintrack.storages.sources.progress import Progress

if TYPE_CHECKING:
    from concurrent.futures import Future

FILES_AT_ONCE = 8
_WAITING = 64


def fetch_all(
    reader: SourceReader, uri: str, entries: Iterable[SourceEntry], place: Path, progress: Progress, patience: Patience
) -> None:
    """Write the listed files below `place`, which is there and empty. What fails leaves a part of them.

    Raises:
        InputError: names clash, or a link leaves the folder.
        IntegrityError: a file is not as it was listed.
        HostError: the store or the disk refuses.
        CancelledError: the progress says that nobody wants it any more.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  with it comes `logging`: 2 ms of every command

    links: dict[str, str] = {}
    going: deque[Future[None]] = deque()
    pool = ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="fetch")
    try:
        for entry in entries:
            row_of(entry)  # Refuses a name before it becomes a path.
            if entry.target is not None:
                links[entry.path] = entry.target
                continue
            going.append(pool.submit(_fetch, reader, uri, entry, place, progress, patience))
            if len(going) >= _WAITING:
                going.popleft().result()
        while going:
            going.popleft().result()
        _link(links, place)
    finally:
        progress.stop()
        pool.shutdown(cancel_futures=True)


def _fetch(
    reader: SourceReader, uri: str, entry: SourceEntry, place: Path, progress: Progress, patience: Patience
) -> None:
    path = place / entry.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _of_disk(error, entry.path) from error
    with open(descriptor, "wb", buffering=0) as file:
        written = tried = 0
        while True:
            before = written
            try:
                reading = reader.open(uri, entry, written)
                written = _back_to(reading.start, file.fileno(), written, progress)
                for chunk in reading.chunks:
                    _write(file.fileno(), chunk, entry.path)
                    written += len(chunk)
                    progress.add(len(chunk))
                break
            except CutError as cut:
                tried = 1 if written > before else tried + 1
                patience.wait(tried, cut, f"`{uri}`")
        if entry.executable:
            os.fchmod(file.fileno(), 0o755)
    if entry.size_bytes is not None and written != entry.size_bytes:
        message = f"`{entry.path}` of `{uri}` has {written:,} bytes and was listed with {entry.size_bytes:,}"
        raise IntegrityError(message, code="source-changed", hint="run again")


def _back_to(start: int, descriptor: int, written: int, progress: Progress) -> int:
    if start != written:
        os.ftruncate(descriptor, start)
        os.lseek(descriptor, start, os.SEEK_SET)
        progress.add(start - written)
    return start


def _write(descriptor: int, data: bytes, name: str) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise _of_disk(error, name) from error


def _link(links: dict[str, str], place: Path) -> None:
    escaping = first_escape(links) if links else None
    if escaping is not None:
        message = f"the data is refused: `{escaping}` is a link to `{links[escaping]}`, which leaves it"
        raise InputError(message, code="source-refused", hint="leave only files, folders and relative links there")
    for path, target in links.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).symlink_to(target)


def _of_disk(error: OSError, name: str) -> InputError | HostError:
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        message = f"the data is refused: `{name}` stands where another key needs a folder or file"
        return InputError(message, code="source-refused", hint="name a prefix in which no key is another's folder")
    message = f"`{name}` cannot be written: {(error.strerror or str(error)).lower()}"
    return HostError(message, code="disk", hint="look at the disk: df -h")
