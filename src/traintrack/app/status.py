"""`status`: what has a result, what is being made, what failed, what is out of date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from traintrack.action.action import ActionGraph
from traintrack.action.cell import Cell, CellState
from traintrack.action.failure import FailureClass
from traintrack.action.record import Record
from traintrack.app.answers import TargetStatus
from traintrack.app.environment import Environment
from traintrack.app.origin import home_of
from traintrack.app.project import Project, action_graph, select_labels
from traintrack.app.recorded import ended_of, read_record
from traintrack.digest import TargetId
from traintrack.plan.cells_for_plan import cells_for_plan
from traintrack.ports.at_once import at_once
from traintrack.ports.storage import HistoryEntry, Liveness, Seen, Storage


class _Row(Struct, frozen=True):
    label: str
    id: TargetId
    cell: Cell | None
    history: tuple[HistoryEntry, ...] = ()


def status(project: Project, environment: Environment, texts: Sequence[str]) -> tuple[TargetStatus, ...]:
    """Return a row per target that the patterns name, in their order.

    The cells of all are read in one batch; only for those without a result their history is asked, and the
    cells of the older results in a second batch.
    """
    storage = environment.storage
    labels = [str(label) for label in select_labels(project, texts)]
    graph = action_graph(project, labels)
    cells = cells_for_plan(storage.cells, list(dict.fromkeys(graph.labels[label] for label in labels)))
    rows = at_once(storage, lambda label: _row(project, storage, label, graph.labels[label], cells), labels)
    older = storage.cells.read(_older_ids(rows))
    profile = project.profile or ""
    return tuple(at_once(storage, lambda row: _outside(graph, row) or _told(storage, row, older, profile), rows))


def _outside(graph: ActionGraph, row: _Row) -> TargetStatus | None:
    """The row of data that stays where it is, and is always there as far as a storage can tell."""
    source = graph.sources.get(row.id)
    if source is None or source.imported:
        return None
    return TargetStatus(row.label, row.id, "cached", f"stays at {source.uri}")


def _row(project: Project, storage: Storage, label: str, id_: TargetId, cells: Mapping[TargetId, Seen]) -> _Row:
    cell = cells[id_].cell
    if cell is not None and cell.state is not CellState.FREE:
        return _Row(label, id_, cell)
    return _Row(label, id_, cell, storage.ledger.history(project.workspace.name, label))


def _older_ids(rows: Sequence[_Row]) -> list[TargetId]:
    return list(dict.fromkeys(entry.id for row in rows for entry in row.history if entry.id != row.id))


def _told(storage: Storage, row: _Row, older: Mapping[TargetId, Seen], profile: str) -> TargetStatus:
    cell = row.cell
    if cell is not None and cell.state is CellState.DONE and cell.result is not None:
        record = read_record(storage, cell.result.record)
        home, size_bytes = home_of(cell), record.size_bytes if record else None
        detail = f"in {home}" if home else ""
        return TargetStatus(row.label, row.id, "cached", detail, ended_of(record), size_bytes, home or None)
    if cell is not None and cell.state is CellState.HELD:
        return _held(storage, row, cell)
    if cell is not None and cell.last_failure is not None:
        failure = cell.last_failure
        words = FailureClass(failure.failure).words if failure.failure in set(FailureClass) else failure.failure
        detail = f"{words}: {failure.message}" if failure.message else words
        return TargetStatus(row.label, row.id, "failed", detail, _time_of(row, row.id))
    for entry in row.history:
        seen = older.get(entry.id)
        is_done = seen is not None and seen.cell is not None and seen.cell.state is CellState.DONE
        if is_done and _is_of(read_record(storage, entry.record), profile):
            return TargetStatus(row.label, row.id, "stale", f"the result of {entry.run} is older", entry.time)
    reason = _freed(cell) if cell is not None and cell.free is not None else "never built"
    return TargetStatus(row.label, row.id, "missing", reason, _time_of(row, row.id))


def _is_of(record: Record | None, profile: str) -> bool:
    """Tell if a result was made under a profile: a small one is no older state of the full one."""
    return record is None or record.who.profile == profile


def _freed(cell: Cell) -> str:
    words = cell.free.value if cell.free is not None else ""
    return f"{words} by {cell.note}: will be made again" if cell.note else words


def _held(storage: Storage, row: _Row, cell: Cell) -> TargetStatus:
    owner = cell.owner
    if owner is None:
        return TargetStatus(row.label, row.id, "running")
    who = f"{owner.user}@{owner.host} in {owner.run}"
    if storage.cells.liveness(owner) is Liveness.GONE:
        return TargetStatus(row.label, row.id, "missing", f"{who} is gone; the next run takes over", owner.since)
    phase = cell.phase.value if cell.phase else "running"
    progress = f", {cell.progress}" if cell.progress else ""
    return TargetStatus(row.label, row.id, "running", f"{phase} by {who}{progress}", owner.since)


def _time_of(row: _Row, id_: TargetId) -> str:
    return next((entry.time for entry in row.history if entry.id == id_), "")
