"""Hints and history. Nothing here decides about reuse, so a damaged file is rebuilt or as good as absent."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from traintrack.action.event import RUN_FORMAT, RunDocument
from traintrack.action.stored import decode_stored
from traintrack.digest import ActionKey, TargetId
from traintrack.errors import IntegrityError
from traintrack.ports.storage import HistoryEntry
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.files import Files, read_file
from traintrack.storages.local.label_index import LabelIndex
from traintrack.storages.local.places import Places, is_name

_DIGITS = frozenset("0123456789abcdef")


class LocalLedger:
    """Files under `hint/`, `run/`, `label/` and `log/`."""

    def __init__(self, places: Places, files: Files) -> None:
        self._places = places
        self._files = files
        self._labels = LabelIndex(places, files, self._documents)

    def hint(self, key: ActionKey) -> TargetId | None:
        """The ID that last had a result for this ActionKey, to be checked against its cell."""
        path = self._places.hint(key)
        with DiskErrors("read", path):
            data = read_file(path)
        text = "" if data is None else data.decode("ascii", "replace").strip()
        return TargetId(text) if len(text) == 64 and _DIGITS.issuperset(text) else None

    def put_hint(self, key: ActionKey, id_: TargetId) -> None:
        """Remember which ID has the result of an ActionKey; last writer wins."""
        path = self._places.hint(key)
        with DiskErrors("write", path):
            self._files.write(path, id_.encode())

    def put_run(self, document: RunDocument) -> None:
        """Keep a run document and add its rows to the label index.

        Raises:
            HostError: it cannot be written.
        """
        path = self._places.run(document.run)
        with DiskErrors("write", path):
            self._files.write(path, msgspec.json.encode(document))
            self._labels.add(document)

    def run(self, run: str) -> RunDocument | None:
        """The run document of that name, or the only one that begins with it.

        Raises:
            IntegrityError: the document is damaged.
        """
        if not is_name(run):
            return None
        name = run if os.path.exists(self._places.run(run)) else self._only(run)
        if name is None:
            return None
        document = self._document(name)
        if document is None:
            raise IntegrityError(
                f"the document of run `{name}` is damaged or of a newer traintrack",
                code="run-damaged",
                hint=f"look at it with `cat {self._places.run(name)}`; records and artifacts do not depend on it",
            )
        return document

    def runs(self) -> Iterator[str]:
        """Names of runs, newest first."""
        with DiskErrors("read", self._places.runs):
            try:
                with os.scandir(self._places.runs) as listing:
                    found = [(e.stat().st_mtime_ns, e.name) for e in listing if is_name(e.name)]
            except FileNotFoundError:
                found = []
        for _, name in sorted(found, reverse=True):
            yield name

    def history(self, workspace: str, label: str) -> tuple[HistoryEntry, ...]:
        """The newest 50 results of a label, newest first."""
        with DiskErrors("read", self._places.root):
            return self._labels.entries(workspace, label)

    def rebuild_histories(self, digests: Collection[str]) -> frozenset[str]:
        """Write histories of labels anew from the run documents; returns those that some document speaks of.

        Raises:
            HostError: one cannot be written.
        """
        with DiskErrors("write", self._places.root):
            return self._labels.rebuild(digests)

    def put_log(self, name: str, source: Path) -> str:
        """Keep a finished log under `name` and return its key; it is moved where it has no other name, else copied.

        Raises:
            HostError: it cannot be read or written.
        """
        path = self._places.log(name)
        with DiskErrors("keep the log at", path):
            self._files.take(os.fspath(source), path)
        return name

    def log(self, key: str) -> Path | None:
        """The local file of a kept log, or of one that grows: `stage/<stage>/<file>`; None if there is none."""
        growing = key.removeprefix("stage/")
        parts = growing.split("/")
        if growing != key and not any(part in ("", ".", "..") for part in parts):
            path = f"{self._places.stage}/{growing}"
        elif is_name(key):
            path = self._places.log(key)
        else:
            return None
        return Path(path) if os.path.isfile(path) else None

    def _documents(self) -> Iterator[RunDocument]:
        for name in self.runs():
            document = self._document(name)
            if document is not None:
                yield document

    def _document(self, run: str) -> RunDocument | None:
        path = self._places.run(run)
        with DiskErrors("read", path):
            data = read_file(path)
        try:
            document = None if data is None else decode_stored(data, RunDocument)
        except msgspec.MsgspecError:
            return None
        return document if document is not None and document.format == RUN_FORMAT else None

    def _only(self, prefix: str) -> str | None:
        found = [name for name in self.runs() if name.startswith(prefix)]
        return found[0] if len(found) == 1 else None
