"""Frees cells of damaged results in a bucket, and replaces cells that cannot be read; each by compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from traintrack.action.cell import Cell, CellState, FreeReason, evict, new_nonce
from traintrack.action.event import RunDocument
from traintrack.action.record import Record
from traintrack.digest import ContentDigest, TargetId, content_digest
from traintrack.errors import IntegrityError
from traintrack.ports.objects import Etag, Got, PreconditionFailedError, UnknownOutcomeError
from traintrack.ports.storage import CellConflictError, Cells
from traintrack.ports.verify import Depth, Finding, FindingKind, Mended, Scope
from traintrack.storages.local.cell_file import cell_bytes
from traintrack.storages.local.verify_files import is_digest
from traintrack.storages.objects.keys import id_of, kept_key
from traintrack.storages.objects.layouts import Layouts
from traintrack.storages.objects.pace import Patience
from traintrack.storages.objects.quarantine import Quarantine
from traintrack.storages.objects.survey import survey
from traintrack.storages.objects.survey_documents import LONGEST_RECORD, record_of
from traintrack.storages.objects.survey_others import KEPT_PREFIX
from traintrack.storages.objects.survey_reading import READERS, Reading, in_parallel
from traintrack.storages.objects.survey_standing import cell_of

_FREERS = 4
"""Each of them hashes all of a result."""

_OF_A_RESULT = (FindingKind.RECORD, FindingKind.MANIFEST, FindingKind.ARTIFACT)

Documents = Callable[[], Iterator[RunDocument]]
"""All run documents that can be read, newest first."""


class _Last(Struct, frozen=True):
    """What a run document says of an ID."""

    record: ContentDigest | None = None
    label: str = ""


class CellMending:
    """Mends the cells of one namespace."""

    def __init__(self, reading: Reading, cells: Cells, documents: Documents) -> None:
        self._reading, self._cells, self._documents = reading, cells, documents
        self._layouts = Layouts(reading.bucket, reading.keys, reading.pace)
        self._quarantine = Quarantine(reading)

    def mend(self, findings: Collection[Finding]) -> list[Mended]:
        """Set damaged or lost cells of IDs aside; FREE{corrupt} takes their place.

        Raises:
            HostError: the bucket cannot be written.
        """
        wanted = {finding.id: finding for finding in findings if finding.id is not None}
        last = self._last(wanted) if wanted else {}
        done = [self._replace(id_, finding, last.get(id_, _Last())) for id_, finding in wanted.items()]
        self._cells.read(tuple(wanted))  # So that this process does not remember what was there before.
        return done

    def free(self, findings: Collection[Finding]) -> tuple[tuple[TargetId, str], ...]:
        """Free the cells of results that are damaged still, and of all others that name what is damaged.

        Raises:
            HostError: the bucket cannot be read or written.
        """
        labels = {f.id: f.label for f in findings if f.id is not None}
        ids = dict.fromkeys((*labels, *self.naming({f.path for f in findings})))
        with ThreadPoolExecutor(_FREERS, thread_name_prefix="traintrack-mend") as pool:
            freed = in_parallel(pool, lambda id_: (id_, self._free(id_)), ids)
            return tuple((id_, labels.get(id_) or label) for id_, label in freed if label is not None)

    def naming(self, paths: Collection[str]) -> dict[TargetId, frozenset[str]]:
        """The IDs whose standing results name some of these keys, and which.

        Raises:
            HostError: the bucket cannot be read.
        """
        if not paths:
            return {}
        wanted = frozenset(paths)
        with ThreadPoolExecutor(READERS, thread_name_prefix="traintrack-mend") as pool:
            keys = (entry.key for entry in self._reading.entries(self._reading.keys.cells))
            ids = (TargetId(id_) for key in keys if is_digest(id_ := id_of(key)))
            looks = in_parallel(pool, lambda id_: (id_, self._keys_of(id_) & wanted), ids)
            return {id_: keys for id_, keys in looks if keys}

    def _keys_of(self, id_: TargetId) -> frozenset[str]:
        cell = cell_of(self._reading.cell(id_), id_)
        if cell is None or cell.state is not CellState.DONE or cell.result is None:
            return frozenset()
        result = cell.result
        kept = frozenset((kept_key(result.manifest), kept_key(result.record)))
        if result.home:
            return kept
        try:
            return kept | {result.layout} | self._layouts.keys(result.layout)
        except IntegrityError:
            return kept | {result.layout}

    def _free(self, id_: TargetId) -> str | None:
        """Free the cell if its result is damaged still, and return the label in its record; None if it is not."""
        while True:
            seen = self._cells.read([id_])[id_]
            if seen.cell is None or seen.cell.state is not CellState.DONE or seen.cell.result is None:
                return None
            looked = survey(self._reading, Scope(Depth.DATA, (id_,)), lambda _name, _data: None, lambda _looked: None)
            if not any(finding.kind in _OF_A_RESULT for finding in looked.findings):
                return None
            try:
                self._cells.swap(seen, evict(seen.cell, FreeReason.CORRUPT))
            except CellConflictError:
                continue
            record = self._record(kept_key(seen.cell.result.record))
            return "" if record is None else record.label

    def _record(self, key: str) -> Record | None:
        got = self._reading.get(key)
        is_whole = got is not None and content_digest(got.data) == key.rpartition("/")[2]
        return record_of(got.data) if got is not None and is_whole else None

    def _replace(self, id_: TargetId, finding: Finding, last: _Last) -> Mended:
        """Put a free cell in the place of what cannot be read, if it still is what was read."""
        key = self._reading.keys.cell(id_)
        cell = Cell(CellState.FREE, 0, new_nonce(), free=FreeReason.CORRUPT, previous_record=last.record)
        patience = Patience(self._reading.pace, f"write the cell of {id_[:12]}")
        got = self._reading.get(key)
        if cell_of(got, id_) is not None:
            return Mended(finding.path, "was whole again")
        words = "was gone" if got is None else f"moved to {self._quarantine.keep(key, got.data)}"
        while cell_of(got, id_) is None:
            try:
                self._put(key, cell_bytes(cell, id_), got)
                break
            except (PreconditionFailedError, UnknownOutcomeError) as error:
                patience.pause(error)
                got = self._reading.get(key)
        label = finding.label or last.label
        return Mended(finding.path, f"{words}; its ID has no result now", ((id_, label),))

    def _put(self, key: str, data: bytes, got: Got | None) -> Etag:
        if got is None:
            return self._reading.bucket.put_if_absent(key, data)
        return self._reading.bucket.put_if_match(key, data, got.etag)

    def _last(self, ids: Collection[TargetId]) -> dict[TargetId, _Last]:
        """The newest record of each ID that a run document names, or that is kept."""
        found: dict[TargetId, _Last] = {}
        for document in self._documents():
            for row in document.targets:
                if row.id in ids and row.id not in found and row.record is not None:
                    found[row.id] = _Last(row.record, row.label)
            if len(found) == len(ids):
                return found
        return self._searched([id_ for id_ in ids if id_ not in found]) | found

    def _searched(self, ids: Collection[TargetId]) -> dict[TargetId, _Last]:
        """The newest record of a success of each ID, by searching all that is kept."""
        newest: dict[TargetId, tuple[str, _Last]] = {}
        with ThreadPoolExecutor(READERS, thread_name_prefix="traintrack-mend") as pool:
            small = (e.key for e in self._reading.entries(KEPT_PREFIX) if e.size_bytes < LONGEST_RECORD)
            for key, record in in_parallel(pool, lambda key: (key, self._record(key)), small):
                if record is None or record.id not in ids or record.outcome != "success":
                    continue
                known = newest.get(record.id)
                if known is None or known[0] <= record.timings.ended:
                    last = _Last(ContentDigest(key.rpartition("/")[2]), record.label)
                    newest[record.id] = (record.timings.ended, last)
        return {id_: last for id_, (_, last) in newest.items()}
