"""Hints, runs and logs in a bucket. Nothing here decides about reuse."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from traintrack.action.event import RUN_FORMAT, RunDocument
from traintrack.action.stored import decode_stored
from traintrack.digest import ActionKey, TargetId
from traintrack.errors import HostError, IntegrityError
from traintrack.ports.objects import Bucket, UnknownOutcomeError
from traintrack.ports.storage import HistoryEntry
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.places import is_name
from traintrack.storages.objects.histories import Histories
from traintrack.storages.objects.keys import (
    NEWEST_RUNS,
    RUNS,
    Keys,
    live_prefix,
    log_key,
    newest_run_key,
    run_key,
    run_of,
)
from traintrack.storages.objects.log_files import LogFiles
from traintrack.storages.objects.object_file import bring_object
from traintrack.storages.objects.pace import Pace, Patience, patiently

_DIGITS: Final = frozenset("0123456789abcdef")
_CHUNK: Final = 1 << 20
_OFFSET_DIGITS: Final = 16


class ObjectLedger:
    """Objects under `run/`, `label/`, `log/` and `live/`, and the hints of one namespace."""

    def __init__(self, bucket: Bucket, keys: Keys, pace: Pace, files: LogFiles) -> None:
        self._bucket, self._keys, self._pace, self._files = bucket, keys, pace, files
        self._histories = Histories(bucket, pace)

    def hint(self, key: ActionKey) -> TargetId | None:
        """The ID that last had a result for this ActionKey, to be checked against its cell."""
        data = self._get(self._keys.hint(key))
        text = "" if data is None else data.decode("ascii", "replace").strip()
        return TargetId(text) if len(text) == 64 and _DIGITS.issuperset(text) else None

    def put_hint(self, key: ActionKey, id_: TargetId) -> None:
        """Remember which ID has the result of an ActionKey; last writer wins."""
        self._put(self._keys.hint(key), id_.encode())

    def put_run(self, document: RunDocument) -> None:
        """Keep a run document and add its rows to the label index.

        Raises:
            HostError: it cannot be written.
        """
        self._put(run_key(document.run), msgspec.json.encode(document))
        self._put(newest_run_key(document.run, document.ended), b"")
        self._histories.add(document)

    def run(self, run: str) -> RunDocument | None:
        """The run document of that name, or the only one that begins with it.

        Raises:
            IntegrityError: the document is damaged.
        """
        if not is_name(run):
            return None
        data = self._get(run_key(run))
        if data is None:
            name = self._only(run)
            data = None if name is None else self._get(run_key(name))
        if data is None:
            return None
        document = _document(data)
        if document is None:
            raise IntegrityError(
                f"the document of run `{run}` is damaged or of a newer traintrack",
                code="run-damaged",
                hint=f"look at it: aws s3 cp {self._bucket.url}{run_key(run)} -",
            )
        return document

    def runs(self) -> Iterator[str]:
        """Names of runs, newest first; they are listed as they are asked for."""
        seen: set[str] = set()
        patience = Patience(self._pace, "list the runs")
        while True:
            try:
                for key in self._bucket.list(NEWEST_RUNS):
                    run = run_of(key)
                    if is_name(run) and run not in seen:
                        seen.add(run)
                        yield run
                return
            except UnknownOutcomeError as error:
                patience.pause(error)

    def documents(self) -> Iterator[RunDocument]:
        """The run documents that can be read, newest first; they are read as they are asked for."""
        for run in self.runs():
            data = self._get(run_key(run))
            document = None if data is None else _document(data)
            if document is not None:
                yield document

    def rebuild_histories(self, digests: Collection[str]) -> None:
        """Make histories again from the run documents; `digests` are their names.

        Raises:
            HostError: one cannot be written.
        """
        self._histories.rebuild(digests, self.documents())

    def history(self, workspace: str, label: str) -> tuple[HistoryEntry, ...]:
        """The newest 50 results of a label, newest first."""
        return self._histories.entries(workspace, label)

    def put_log(self, name: str, source: Path) -> str:
        """Keep a finished log under `name` and return its key; a copy stays on this machine.

        Raises:
            HostError: it cannot be read or written.
        """
        key, patience = log_key(name), Patience(self._pace, f"keep the log `{name}`")
        with DiskErrors("read the log", source):
            size = os.stat(source).st_size
        while True:
            try:
                self._bucket.put_stream(key, _chunks(source, size), size)
                break
            except UnknownOutcomeError as error:
                patience.pause(error)
        self._files.take(name, source)
        return name

    def log(self, key: str) -> Path | None:
        """The file of a kept log, brought here if need be, or of one that grows on this machine; None if there is none."""
        here = self._files.find(key)
        if here is not None or not is_name(key) or key.startswith("stage/"):
            return here
        temporary = self._files.new_file()
        try:
            if not bring_object(self._bucket, self._pace, f"read `{log_key(key)}`", log_key(key), temporary):
                return None
            self._files.take(key, temporary)
        finally:
            temporary.unlink(missing_ok=True)
        return self._files.find(key)

    def put_live(self, flight: str, offset: int, data: bytes) -> None:
        """Add a piece of a growing log; see `LiveLogs`.

        Raises:
            HostError: it cannot be written.
        """
        if data and is_name(flight):
            self._put(f"{live_prefix(flight)}{offset:0{_OFFSET_DIGITS}}", data)

    def read_live(self, flight: str, offset: int) -> bytes:
        """Return what there is of a growing log from `offset` on, up to the first gap; see `LiveLogs`.

        Raises:
            HostError: it cannot be read.
        """
        if not is_name(flight):
            return b""
        prefix = live_prefix(flight)
        entries = self._bucket.entries
        there = patiently(self._pace, f"list `{prefix}`", lambda: [(e.key, e.size_bytes) for e in entries(prefix)])
        found, at = bytearray(), offset
        for key, size in there:  # In order, as keys are.
            start = int(end) if (end := key[len(prefix) :]).isdecimal() else -1
            if start < 0 or start + size <= at:
                continue
            piece = self._get(key) if start <= at else None
            if piece is None:
                break
            found += piece[at - start :]
            at = max(at, start + len(piece))
        return bytes(found)

    def drop_live(self, flight: str) -> None:
        """Remove the pieces of a log; one request each, never repeated; see `LiveLogs`."""
        with suppress(UnknownOutcomeError, HostError):
            for key in self._bucket.list(live_prefix(flight)) if is_name(flight) else ():
                self._bucket.delete(key)

    def _get(self, key: str) -> bytes | None:
        got = patiently(self._pace, f"read `{key}`", lambda: self._bucket.get(key))
        return None if got is None else got.data

    def _put(self, key: str, data: bytes) -> None:
        patiently(self._pace, f"write `{key}`", lambda: self._bucket.put(key, data))

    def _only(self, prefix: str) -> str | None:
        def first_two() -> list[str]:
            found = []
            for key in self._bucket.list(f"{RUNS}{prefix}"):
                found.append(key[len(RUNS) :])
                if len(found) == 2:
                    break
            return found

        found = patiently(self._pace, "list the runs", first_two)
        return found[0] if len(found) == 1 else None


def _document(data: bytes) -> RunDocument | None:
    try:
        document = decode_stored(data, RunDocument)
    except msgspec.MsgspecError:
        return None
    return document if document.format == RUN_FORMAT else None


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    """The first `size` bytes of a file."""
    with open(path, "rb") as file:
        left = size
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            yield chunk
