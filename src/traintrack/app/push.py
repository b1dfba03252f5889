"""`push`: send results to the storage of another environment, inputs first; nothing that stands there is replaced."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from traintrack.action.event import RunDocument, RunTarget
from traintrack.action.plan import Outcome
from traintrack.app.clean_code import Cleanness, judge_code
from traintrack.app.clock import SystemClock
from traintrack.app.environment import Environment
from traintrack.app.project import Project, action_graph, select_labels
from traintrack.app.push_order import Holding, collect, layers
from traintrack.app.push_report import PushedTarget, Pushing, PushReport, PushState
from traintrack.app.push_sender import Sender
from traintrack.app.read_storages import PushPlaces, push_places
from traintrack.digest import TargetId
from traintrack.errors import NotFoundError
from traintrack.ports.storage import Storage
from traintrack.ports.through import own_storage

DEV_KEEP_S: Final = 14 * 86400.0
"""How long what is not clean is kept after its last use: it is for a second look, not for ever."""


def push(project: Project, environment: Environment, texts: Sequence[str], to: str | None) -> PushReport:
    """Push what the patterns name with all that it was made from.

    Raises:
        UsageError: there is no environment to push to.
        NotFoundError: a target has no result here.
        IntegrityError: the own bytes are damaged.
        HostError: a storage cannot be used; what was sent stands, and the next push goes on.
    """
    labels = [str(label) for label in select_labels(project, texts)]
    graph = action_graph(project, labels)
    ids = {graph.labels[label]: label for label in labels}
    own = {id_: label for id_, label in ids.items() if not graph.stays_outside(id_)}
    return push_ids(project, environment, own, to, Pushing.ALL)


def push_ids(
    project: Project, environment: Environment, ids: Mapping[TargetId, str], to: str | None, pushing: Pushing
) -> PushReport:
    """Push results by ID, named by their labels; see `push`."""
    own = own_storage(environment.storage)
    holdings = collect(own, ids)
    _demand_results(ids, holdings, own)
    places = push_places(project.workspace, environment.spec, to)
    cleanness = _cleanness(project, holdings, places)
    run = _push_name(SystemClock().now_iso())
    with ExitStack() as present:
        sender = Sender(own, holdings, cleanness, places, run, present)
        for layer in layers(holdings):
            sender.send_layer(layer, pushing)
        rows = tuple(sender.rows[id_] for id_ in holdings)
        _note_runs(project, environment, sender, rows, run)
    return PushReport(places.environment, places.clean_name, rows)


def _demand_results(ids: Mapping[TargetId, str], holdings: Mapping[TargetId, Holding], own: Storage) -> None:
    missing = [label for id_, label in ids.items() if id_ not in holdings]
    if missing:
        rest = f" and {len(missing) - 1} more have" if len(missing) > 1 else " has"
        raise NotFoundError(
            f"`{missing[0]}`{rest} no result in {own.name}",
            code="no-result",
            hint="traintrack run " + " ".join(missing),
            details=missing[1:],
        )


def _cleanness(project: Project, holdings: Mapping[TargetId, Holding], places: PushPlaces) -> dict[TargetId, Cleanness]:
    """Judge results by their code and all that they were made from; `holdings` has inputs first."""
    judged = judge_code(project.source, {one.result.record: one.record for one in holdings.values()})
    found: dict[TargetId, Cleanness] = {}
    for id_, holding in holdings.items():
        if holding.result.home:
            is_other = holding.result.home == places.other_name != places.clean_name
            found[id_] = Cleanness.DIRTY if is_other else Cleanness.CLEAN
            continue
        below = [found[read] for read, _, _ in holding.inputs() if read in found]
        found[id_] = Cleanness.DIRTY if Cleanness.DIRTY in below else judged[holding.result.record]
    return found


def _note_runs(
    project: Project, environment: Environment, sender: Sender, rows: Sequence[PushedTarget], run: str
) -> None:
    """Leave a run document in each namespace: histories there know of what came, and how long it is kept."""
    now = SystemClock().now_iso()
    for name, receiver in sender.receivers().items():
        sent = tuple(_noted(row, sender) for row in rows if row.state is PushState.SENT and row.storage == name)
        if sent:
            owner, workspace = receiver.owner, project.workspace.name
            document = RunDocument(
                run, workspace, environment.name, owner.user, owner.host, now, now, "traintrack push", sent
            )
            receiver.storage.ledger.put_run(document)


def _noted(row: PushedTarget, sender: Sender) -> RunTarget:
    holding = sender.holding(row.id)
    keep = DEV_KEEP_S if row.cleanness is Cleanness.DIRTY else holding.record.keep
    log = holding.record.attempts[-1].log if holding.record.attempts else None
    return RunTarget(row.label, row.id, Outcome.EXECUTED.value, record=holding.result.record, log=log, keep=keep)


def _push_name(now: str) -> str:
    digits = "".join(c for c in now if c.isdigit())[:14]
    return f"p-{digits[:8]}-{digits[8:]}-{secrets.token_hex(4)}"
