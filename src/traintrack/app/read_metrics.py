"""The metrics of a target, out of its record where they stand in it, else out of a file of its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from traintrack.action.cell import Cell, CellState, Result
from traintrack.action.manifest import EntryType, Manifest
from traintrack.action.stored import decode_stored, is_too_deep
from traintrack.app.kept_files import find_kept
from traintrack.app.metrics_file import (
    MOST_METRICS_BYTES,
    MetricsError,
    Value,
    flat_metrics,
    has_null,
    read_metrics,
)
from traintrack.app.result_row import State
from traintrack.app.small_files import read_small_file
from traintrack.errors import IntegrityError, NotFoundError
from traintrack.ports.storage import Liveness, Storage

USUAL_FILE: Final = "metrics.json"


class Found(Struct, frozen=True):
    """How a target stands, and its metrics; None if there is no such file. `problem` and `detail` as in `ResultRow`."""

    state: State
    metrics: Mapping[str, Value] | None = None
    problem: str = ""
    detail: str = ""


class _Record(Struct, frozen=True):
    """The field of a record that is asked for here; ten thousand are read."""

    metrics: Mapping[str, Any] | None = None


def find_metrics(storage: Storage, cell: Cell | None, path: str) -> Found:
    """Look up the metrics at `path` in the result of a cell; of one that was removed, in what is kept of it.

    Raises:
        HostError: the storage cannot be read.
    """
    if cell is None:
        return Found(State.MISSING)
    if cell.state is CellState.DONE and cell.result is not None:
        return _of_result(storage, cell.result, path)
    return _of_removed(storage, cell, path) or Found(_state(storage, cell))


def _of_result(storage: Storage, result: Result, path: str) -> Found:
    noted = _noted(storage, result) if path == USUAL_FILE else None
    if noted is not None:
        return Found(State.CACHED, noted)
    try:
        part = storage.artifacts.manifest(result).part(path)
        size_bytes = _size_of_file(part)
        if size_bytes is None:
            return Found(State.CACHED)
        if size_bytes > MOST_METRICS_BYTES:
            return _unreadable(State.CACHED, path, f"it is longer than {MOST_METRICS_BYTES >> 20} MiB")
        wrong = storage.artifacts.fetch(result, path)
        if wrong is not None:
            return _unreadable(State.CACHED, path, wrong)
        data = storage.artifacts.path(result.artifact, path).read_bytes()
    except (IntegrityError, NotFoundError) as error:
        return _unreadable(State.CACHED, path, error.message)
    except FileNotFoundError:
        return _unreadable(State.CACHED, path, "it was removed while it was looked at")
    return _read(State.CACHED, path, data)


def _noted(storage: Storage, result: Result) -> dict[str, Value] | None:
    """The metrics in the record of a result; None if it has none, or may have others than the file.

    A record has null for what JSON has no word for, such as NaN.
    """
    try:
        data = storage.kept.get(result.record)
        metrics = decode_stored(data, _Record).metrics if data is not None else None
    except (IntegrityError, msgspec.MsgspecError):
        return None
    if metrics is None or is_too_deep(metrics) or has_null(metrics):
        return None
    return flat_metrics(metrics)


def _of_removed(storage: Storage, cell: Cell, path: str) -> Found | None:
    kept = find_kept(storage, cell)
    if kept is None or _size_of_file(kept.manifest.part(path)) is None:
        return None
    try:
        data = read_small_file(storage, kept.source, path)
    except IntegrityError as error:
        return _unreadable(State.REMOVED, path, error.message)
    return None if data is None else _read(State.REMOVED, path, data)


def _size_of_file(part: Manifest | None) -> int | None:
    """The size of a part that is one file; None if it is none."""
    if part is None or len(part.entries) != 1 or part.entries[0].path or part.entries[0].type is not EntryType.FILE:
        return None
    return part.entries[0].size


def _read(state: State, path: str, data: bytes) -> Found:
    try:
        return Found(state, read_metrics(data))
    except MetricsError as error:
        return _unreadable(state, path, str(error))


def _unreadable(state: State, path: str, why: str) -> Found:
    return Found(state, None, f"unreadable {path}", why)


def _state(storage: Storage, cell: Cell) -> State:
    if cell.state is CellState.HELD:
        is_gone = cell.owner is not None and storage.cells.liveness(cell.owner) is Liveness.GONE
        return State.MISSING if is_gone else State.RUNNING
    return State.FAILED if cell.last_failure is not None else State.MISSING
