"""`log`: where the log of a target is, or what a run did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from traintrack.action.cell import Cell, CellState
from traintrack.action.event import RunDocument, RunTarget
from traintrack.action.plan import Outcome
from traintrack.action.record import Record
from traintrack.app.answers import HistoryLine, LogAnswer
from traintrack.app.attempts import attempts_of
from traintrack.app.environment import Environment
from traintrack.app.live_log import live_log
from traintrack.app.one_target import one_label
from traintrack.app.project import Project, action_graph
from traintrack.app.recorded import ended_of, read_record, recorded_before, run_documents, standing_digest
from traintrack.errors import InputError, NotFoundError
from traintrack.label import Label
from traintrack.ports.storage import Storage

_RANK = {Outcome.FAILED.value: 0, Outcome.CANCELLED.value: 1, Outcome.BLOCKED.value: 2, Outcome.EXECUTED.value: 3}


def find_log(
    project: Project, environment: Environment, text: str | None = None, attempt: int | None = None
) -> LogAnswer | tuple[HistoryLine, ...]:
    """Return the log of a target, or what a run did, failures first.

    `text` is a label or a run's name (its beginning is enough). Without it the last run is meant: its log if
    exactly one target failed in it, else its rows. `attempt` counts from 1 and is the newest by default.

    Raises:
        NotFoundError: there is no such run, target, attempt or log.
        UsageError: the text names several targets.
    """
    storage = environment.storage
    if text is None:
        return _of_run(storage, _last_run(storage), attempt)
    document = None if text.startswith(("//", ":")) else storage.ledger.run(text)
    if document is not None:
        return _lines(document)
    return _of_target(project, environment, one_label(project, text), attempt)


def _last_run(storage: Storage) -> RunDocument:
    document = next(run_documents(storage), None)
    if document is not None:
        return document
    raise NotFoundError(f"no run has been noted in {storage.name}", code="no-run", hint="traintrack run //...")


def _of_run(storage: Storage, document: RunDocument, attempt: int | None) -> LogAnswer | tuple[HistoryLine, ...]:
    failed = [row for row in document.targets if row.outcome == Outcome.FAILED.value]
    if len(failed) != 1 or (failed[0].log is None and failed[0].record is None):
        return _lines(document)
    row = failed[0]
    record = read_record(storage, row.record)
    return _answer(storage, row.label, document.run, _attempts(record) or _alone(row), attempt)


def _lines(document: RunDocument) -> tuple[HistoryLine, ...]:
    """A row per target of a run: failures, then what was stopped, blocked and executed, then the rest, each in order."""
    rows = sorted(document.targets, key=lambda row: _RANK.get(row.outcome, len(_RANK)))
    return tuple(HistoryLine(document.run, document.ended, r.outcome, r.id, r.record, r.label) for r in rows)


def _of_target(project: Project, environment: Environment, label: Label, attempt: int | None) -> LogAnswer:
    storage = environment.storage
    cell, has_secrets = _cell(project, storage, label)
    if cell is not None and cell.state is CellState.HELD and attempt is None:
        live = live_log(environment, str(label), cell, has_secrets=has_secrets)
        if live is not None:
            return live
    kept = _kept(project, environment, label)
    for run, attempts, ended in _records(project, storage, label, cell):
        if any(log is not None for _, _, log in attempts):
            if kept is not None and kept.ended > ended:
                break
            return _answer(storage, str(label), run, attempts, attempt)
    if kept is not None:
        return _answer(storage, str(label), kept.run, kept.attempts, attempt)
    raise NotFoundError(f"`{label}` has no log in {storage.name}", code="no-log", hint=f"traintrack run {label}")


def _cell(project: Project, storage: Storage, label: Label) -> tuple[Cell | None, bool]:
    """The cell of the ID that the label has now, and whether its task is given secrets.

    None if the ID cannot be computed, since older logs can still be told.
    """
    try:
        graph = action_graph(project, [str(label)])
    except InputError:
        return None, False
    id_ = graph.labels[str(label)]
    action = graph.actions.get(id_)
    return storage.cells.read([id_])[id_].cell, bool(action and action.secrets)


_Attempts = Sequence[tuple[int, str, str | None]]
"""Number, outcome and log key of each attempt, oldest first."""


class _Execution(NamedTuple):
    """The attempts of one execution; `ended` in ISO 8601."""

    run: str
    attempts: _Attempts
    ended: str


def _kept(project: Project, environment: Environment, label: Label) -> _Execution | None:
    """The newest failed attempts that are kept: only they tell of an execution that was stopped."""
    kept = attempts_of(project, environment, label)
    if not kept:
        return None
    rows = [(one.number, one.failure, one.log) for one in reversed(kept)]
    return _Execution(kept[0].run, rows, kept[0].ended)


def _records(project: Project, storage: Storage, label: Label, cell: Cell | None) -> Iterator[_Execution]:
    """The executions of a label with their attempts: what its cell tells, then its history, newest first."""
    failure = cell.last_failure if cell is not None else None
    if failure is not None:
        record = read_record(storage, failure.record)
        run = record.who.run if record else ""
        yield _Execution(run, _attempts(record) or [(1, failure.failure, failure.log)], ended_of(record))
    standing = read_record(storage, standing_digest(cell))
    if standing is not None:
        yield _Execution(standing.who.run, _attempts(standing), ended_of(standing))
    for _, record in recorded_before(storage, project.workspace.name, str(label)):
        yield _Execution(record.who.run, _attempts(record), ended_of(record))


def _attempts(record: Record | None) -> _Attempts:
    return [(note.number, note.failure or "success", note.log) for note in record.attempts] if record else []


def _alone(row: RunTarget) -> _Attempts:
    return [(max(row.attempts, 1), row.failure or row.outcome, row.log)]


def _answer(storage: Storage, label: str, run: str, attempts: _Attempts, wanted: int | None) -> LogAnswer:
    number, outcome, key = attempts[-1]
    if wanted is not None:
        chosen = next((item for item in attempts if item[0] == wanted), None)
        if chosen is None:
            known = ", ".join(str(item[0]) for item in attempts)
            message = f"`{label}` has no attempt {wanted}{f' in {run}' if run else ''}"
            raise NotFoundError(message, code="no-such-attempt", hint=f"attempts: {known}")
        number, outcome, key = chosen
    path = storage.ledger.log(key) if key else None
    if path is None:
        message = f"the log of attempt {number} of `{label}` is not kept in {storage.name}"
        raise NotFoundError(message, code="no-log", hint=f"traintrack run {label}")
    return LogAnswer(label, run, number, outcome, path)
