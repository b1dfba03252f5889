"""Looks at one result in a bucket: its cell, its record, its manifest and its layout."""

from __future__ import annotations

import threading

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.cell import CellState, Result
from traintrack.action.manifest import Manifest, read_manifest
from traintrack.action.record import Record, decode_record
from traintrack.digest import ContentDigest, TargetId
from traintrack.errors import IntegrityError
from traintrack.ports.objects import Got
from traintrack.ports.verify import Depth, Finding, FindingKind
from traintrack.storages.local.cell_file import read_cell
from traintrack.storages.local.verify_files import is_digest
from traintrack.storages.local.verify_results import kept_words
from traintrack.storages.objects.keys import digest_of, kept_key
from traintrack.storages.objects.layout import Layout, StoredObject, decode_layout, is_data_key
from traintrack.storages.objects.survey_bytes import Slices, slices_of
from traintrack.storages.objects.survey_reading import Reading

_MOST_LOOKS = 20
_LONG_BYTES = 4 << 20
"""Of manifests of this length or more only one is read at a time."""


_NEWER = frozenset(("cell-format", "record-format", "manifest-format", "layout-format"))


class ResultSeen(Struct, frozen=True):
    """What a look at a cell found. `layout` is empty if no result stands here; `objects` are what the layout names.

    `objects` and `slices` are empty where another ID with the same layout was looked at before.
    """

    id: TargetId
    findings: tuple[Finding, ...] = ()
    layout: str = ""
    objects: tuple[StoredObject, ...] = ()
    slices: tuple[Slices, ...] = ()


class _Wrong(Struct, frozen=True):
    words: str
    is_newer: bool = False


class ResultLook:
    """Looks at results, from any thread. Only with `DATA` it says what of an object has to be which file."""

    def __init__(self, reading: Reading, depth: Depth) -> None:
        self._reading, self._depth = reading, depth
        self._guard, self._long = threading.Lock(), threading.Lock()
        self._whole: set[tuple[str, str]] = set()

    def look(self, id_: TargetId) -> ResultSeen:
        """Look at an ID. What seems wrong is looked at again, and told if the cell did not change meanwhile.

        Raises:
            HostError: the bucket cannot be read.
        """
        seen = ResultSeen(id_)
        for _ in range(_MOST_LOOKS):
            before = self._reading.cell(id_)
            seen = self._look(id_, before)
            if seen.findings:
                seen = self._look(id_, before)
            if not seen.findings:
                return seen
            now = self._reading.cell(id_)
            if (now and now.etag) == (before and before.etag):
                return seen
        return replace(seen, findings=())  # It changes all the time: who changes it looks at it as well.

    def _look(self, id_: TargetId, got: Got | None) -> ResultSeen:
        if got is None:
            return ResultSeen(id_)
        try:
            cell = read_cell(got.data, id_)
        except IntegrityError as error:
            wrong = _finding(self._reading.keys.cell(id_), FindingKind.CELL, _of(error), id_, "")
            return ResultSeen(id_, (wrong,))
        if cell.state is not CellState.DONE or cell.result is None:
            return ResultSeen(id_)
        return self._result(id_, cell.result)

    def _result(self, id_: TargetId, result: Result) -> ResultSeen:
        record, wrong = self._record(id_, result)
        label = record.label if record else ""
        found = [] if wrong is None else [_finding(kept_key(result.record), FindingKind.RECORD, wrong, id_, label)]
        if result.home:
            return ResultSeen(id_, tuple(found))  # Its bytes are another storage's, and so is looking after them.
        with self._guard:
            if (result.artifact, result.layout) in self._whole and result.manifest == ContentDigest(result.artifact):
                return ResultSeen(id_, tuple(found), result.layout)
        seen = self._bytes(id_, label, result)
        if not seen.findings:
            with self._guard:
                self._whole.add((result.artifact, result.layout))
        return replace(seen, findings=(*found, *seen.findings))

    def _bytes(self, id_: TargetId, label: str, result: Result) -> ResultSeen:
        """Read manifest and layout."""
        manifest = self._manifest(result)
        if isinstance(manifest, _Wrong):
            path = kept_key(result.manifest)
            return ResultSeen(id_, (_finding(path, FindingKind.MANIFEST, manifest, id_, label),))
        layout = self._layout(result, manifest)
        if isinstance(layout, _Wrong):
            # A key that can be none is the cell's own fault.
            prefix = self._reading.keys.data
            path = result.layout if is_data_key(result.layout, prefix) else self._reading.keys.cell(id_)
            return ResultSeen(id_, (_finding(path, FindingKind.ARTIFACT, layout, id_, label),))
        if self._depth is Depth.QUICK:
            return ResultSeen(id_, (), result.layout, layout.objects)
        slices = tuple(slices_of(result.layout, layout, manifest, self._reading.keys.data))
        return ResultSeen(id_, (), result.layout, layout.objects, slices)

    def _record(self, id_: TargetId, result: Result) -> tuple[Record | None, _Wrong | None]:
        data = self._kept(result.record)
        words = kept_words(data, result.record, "the record")
        if data is None or words is not None:
            return None, _Wrong(words or "")
        try:
            record = decode_record(data)
        except IntegrityError as error:
            return None, _of(error)
        if record.id != id_:
            return record, _Wrong(f"the record is of the ID {record.id[:12]}")
        if record.artifact not in (None, result.artifact):
            return record, _Wrong("the record names another artifact")
        return record, None

    def _manifest(self, result: Result) -> Manifest | _Wrong:
        data = self._kept(result.manifest)
        words = kept_words(data, result.manifest, "the file list")
        if data is None or words is not None:
            return _Wrong(words or "")
        if result.manifest != ContentDigest(result.artifact):
            return _Wrong(f"the file list is not that of artifact {result.artifact[:12]}")
        try:
            if len(data) < _LONG_BYTES:
                return read_manifest(data)
            with self._long:
                return read_manifest(data)
        except IntegrityError as error:
            return _of(error)

    def _layout(self, result: Result, manifest: Manifest) -> Layout | _Wrong:
        if not is_data_key(result.layout, self._reading.keys.data):
            return _Wrong(f"the cell names the layout {result.layout[:120]!r}, which can be none")
        got = self._reading.get(result.layout)
        words = kept_words(None if got is None else got.data, digest_of(result.layout), "the layout")
        if got is None or words is not None:
            return _Wrong(words or "")
        try:
            return decode_layout(got.data, manifest, self._reading.keys)
        except IntegrityError as error:
            return _of(error)

    def _kept(self, digest: ContentDigest) -> bytes | None:
        got = self._reading.get(kept_key(digest)) if is_digest(digest) else None
        return None if got is None else got.data


def _of(error: IntegrityError) -> _Wrong:
    """What has the bytes that its name says, and a format that is not known, is of a newer version."""
    return _Wrong(error.message, is_newer=error.code in _NEWER)


def _finding(path: str, kind: FindingKind, wrong: _Wrong, id_: TargetId, label: str) -> Finding:
    return Finding(path, FindingKind.NEWER if wrong.is_newer else kind, wrong.words, id_, label)
