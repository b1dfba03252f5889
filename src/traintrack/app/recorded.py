"""What a storage remembers of targets: the record that stands for an ID, and the last one of a label."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from traintrack.action.cell import Cell, CellState
from traintrack.action.event import RunDocument
from traintrack.action.record import Record, decode_record
from traintrack.digest import ContentDigest
from traintrack.errors import IntegrityError, TraintrackError
from traintrack.ports.storage import HistoryEntry, Storage

_RUNS_LOOKED_AT = 200


def read_record(storage: Storage, digest: ContentDigest | None) -> Record | None:
    """Return a kept record; None if there is none or it is damaged, since nothing here decides about reuse."""
    if not digest:
        return None
    try:
        data = storage.kept.get(digest)
        return decode_record(data) if data is not None else None
    except TraintrackError:
        return None


def standing_digest(cell: Cell | None) -> ContentDigest | None:
    """The record that a cell names: of its result, else of what stood or failed before."""
    if cell is None:
        return None
    if cell.state is CellState.DONE and cell.result is not None:
        return cell.result.record
    failed = cell.last_failure.record if cell.last_failure else None
    return failed or cell.previous_record


def recorded_before(storage: Storage, workspace: str, label: str) -> Iterator[tuple[HistoryEntry, Record]]:
    """The records of a label that can be read, newest first; from the newest runs where its history is lost."""
    history = storage.ledger.history(workspace, label) or _from_runs(storage, workspace, label)
    for entry in history:
        record = read_record(storage, entry.record)
        if record is not None:
            yield entry, record


def run_documents(storage: Storage) -> Iterator[RunDocument]:
    """What the runs did, newest first, less those whose documents are damaged."""
    for name in storage.ledger.runs():
        try:
            document = storage.ledger.run(name)
        except IntegrityError:
            continue
        if document is not None:
            yield document


def _from_runs(storage: Storage, workspace: str, label: str) -> Iterator[HistoryEntry]:
    for document in islice(run_documents(storage), _RUNS_LOOKED_AT):
        if document.workspace != workspace:
            continue
        for row in document.targets:
            if row.label == label and row.record:
                yield HistoryEntry(row.id, row.outcome, document.run, document.ended, row.record)


def ended_of(record: Record | None) -> str:
    """When the execution behind a record ended, in ISO 8601; empty if that is not known."""
    return record.timings.ended if record else ""
