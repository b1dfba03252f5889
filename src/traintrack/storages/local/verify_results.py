"""Looks at one result: its cell, its record, its manifest, its files and their notes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

from msgspec import Struct

from traintrack.action.cell import Cell, CellState, Result
from traintrack.action.manifest import Manifest, read_manifest
from traintrack.action.record import Record, decode_record
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId, content_digest
from traintrack.errors import IntegrityError
from traintrack.ports.verify import Finding, FindingKind
from traintrack.storages.local.cell_file import read_cell
from traintrack.storages.local.files import read_file
from traintrack.storages.local.inspection import Inspection, Trust
from traintrack.storages.local.locks import FileLock, Mode
from traintrack.storages.local.notes import notes_are_readable, worth_noting
from traintrack.storages.local.places import Places

_MOST_LOOKS = 20


class ResultSeen(Struct, frozen=True):
    """What a look at a cell found. `artifact` is None if no result stands; `hashed_bytes` counts files of artifacts."""

    findings: tuple[Finding, ...] = ()
    artifact: ArtifactDigest | None = None
    hashed_bytes: int = 0


class ResultCheck:
    """Looks at results, from any thread; an artifact that several IDs share is looked at once."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._guard = threading.Lock()
        self._seen: set[bytes] = set()

    def look(self, id_: TargetId, trust: Trust) -> ResultSeen:
        """Look at an ID. What seems wrong is looked at once more while nobody publishes the artifact.

        Only what is wrong under a cell that did not change meanwhile is told.

        Raises:
            OSError: the store cannot be read.
        """
        path = self._places.cell(id_)
        seen = ResultSeen()
        for _ in range(_MOST_LOOKS):
            before = read_file(path)
            seen = self._look(id_, before, trust, again=False)
            if not seen.findings:
                return seen
            seen = self._look_alone(id_, before, seen, trust)
            if not seen.findings or read_file(path) == before:
                return seen
        return ResultSeen(artifact=seen.artifact)  # It changes all the time: who changes it looks at it as well.

    def _look_alone(self, id_: TargetId, data: bytes | None, seen: ResultSeen, trust: Trust) -> ResultSeen:
        if seen.artifact is None:
            return self._look(id_, data, trust, again=True)
        with (
            FileLock(self._places.collector_lock, Mode.SHARED),
            FileLock(self._places.artifact_lock(seen.artifact), Mode.SHARED),
        ):
            return self._look(id_, data, trust, again=True)

    def _look(self, id_: TargetId, data: bytes | None, trust: Trust, *, again: bool) -> ResultSeen:
        if not data:
            return (
                ResultSeen()
            )  # An empty cell is an absent one (cells.py); one that had a result is told by its record.
        try:
            cell = read_cell(data, id_)
        except IntegrityError as error:
            kind = FindingKind.NEWER if error.code == "cell-format" else FindingKind.CELL
            return ResultSeen((self._finding(self._places.cell(id_), kind, error.message, id_, ""),))
        result = cell.result if cell.state is CellState.DONE else None
        if result is None:
            return ResultSeen(() if cell.state is not CellState.DONE else (self._no_result(id_, cell),))
        return self._result(id_, result, trust, again=again)

    def _result(self, id_: TargetId, result: Result, trust: Trust, *, again: bool) -> ResultSeen:
        found: list[Finding] = []
        record, words = self._record(id_, result)
        label = record.label if record else ""
        if words is not None:
            found.append(self._finding(self._places.kept(result.record), FindingKind.RECORD, words, id_, label))
        if result.home:
            return ResultSeen(tuple(found))  # Its bytes are another storage's, and so is looking after them.
        if not self._is_first(result.artifact) and not again:
            return ResultSeen(tuple(found), result.artifact)
        manifest, words = self._manifest(result)
        if manifest is None:
            path = self._places.kept(result.manifest)
            found.append(self._finding(path, FindingKind.MANIFEST, words or "", id_, label))
            return ResultSeen(tuple(found), result.artifact)
        found += self._files(id_, label, result, manifest, trust)
        found += self._notes(id_, label, result, manifest)
        hashed = manifest.size_bytes if trust is Trust.NOTHING else 0
        return ResultSeen(tuple(found), result.artifact, hashed)

    def _is_first(self, artifact: ArtifactDigest) -> bool:
        raw = bytes.fromhex(artifact)
        with self._guard:
            is_first = raw not in self._seen
            self._seen.add(raw)
        return is_first

    def _record(self, id_: TargetId, result: Result) -> tuple[Record | None, str | None]:
        data = read_file(self._places.kept(result.record))
        words = kept_words(data, result.record, "the record")
        if data is None or words is not None:
            return None, words
        try:
            record = decode_record(data)
        except IntegrityError as error:
            return None, error.message
        if record.id != id_:
            return record, f"the record is of the ID {record.id[:12]}"
        if record.artifact not in (None, result.artifact):
            return record, "the record names another artifact"
        return record, None

    def _manifest(self, result: Result) -> tuple[Manifest | None, str | None]:
        data = read_file(self._places.kept(result.manifest))
        words = kept_words(data, result.manifest, "the file list")
        if data is None or words is not None:
            return None, words
        try:
            manifest = read_manifest(data)
        except IntegrityError as error:
            return None, error.message
        if manifest.digest() != result.artifact:
            return None, f"the file list is not that of artifact {result.artifact[:12]}"
        return manifest, None

    def _files(self, id_: TargetId, label: str, result: Result, manifest: Manifest, trust: Trust) -> Iterator[Finding]:
        root = self._places.artifact(result.artifact)
        try:
            for wrong in Inspection(root, manifest, None, trust).wrongs():
                path = f"{root}/{wrong.path}" if wrong.path else root
                kind = FindingKind.RIGHTS if wrong.rights else FindingKind.ARTIFACT
                yield self._finding(path, kind, wrong.words, id_, label)
        except OSError as error:
            words = f"a folder in it cannot be read: {(error.strerror or '').lower()}"
            yield self._finding(root, FindingKind.ARTIFACT, words, id_, label)

    def _notes(self, id_: TargetId, label: str, result: Result, manifest: Manifest) -> Iterator[Finding]:
        path = self._places.layout(result.artifact)
        data = read_file(path)
        words = None
        if data is None and worth_noting(manifest):
            words = "the notes are missing, so that each read hashes the files"
        elif data is not None and not notes_are_readable(data, result.artifact):
            words = "the notes are damaged, so that each read hashes the files"
        if words is not None:
            yield self._finding(path, FindingKind.NOTES, words, id_, label)

    def _no_result(self, id_: TargetId, cell: Cell) -> Finding:
        words = f"the cell says {cell.state.value} and names no result"
        return self._finding(self._places.cell(id_), FindingKind.CELL, words, id_, "")

    def _finding(self, path: str, kind: FindingKind, words: str, id_: TargetId, label: str) -> Finding:
        return Finding(os.path.relpath(path, self._places.root), kind, words, id_, label)


def kept_words(data: bytes | None, digest: ContentDigest, what: str) -> str | None:
    """Say what is wrong with the bytes of a kept object; None if they are whole."""
    if data is None:
        return f"{what} is missing"
    return None if content_digest(data) == digest else f"{what} has other bytes"
