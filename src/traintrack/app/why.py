"""`why`: why a target ran, will run, is cached or waits, down to the line that made it so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traintrack.action.action import Action
from traintrack.action.cell import Cell, CellState, FreeReason
from traintrack.action.failure import FailureClass
from traintrack.action.plan import Reason, ReasonCode
from traintrack.action.record import Record
from traintrack.app.answers import Cause, WhyAnswer
from traintrack.app.causes import CauseFinder, Comparison
from traintrack.app.environment import Environment
from traintrack.app.one_target import declared, one_label
from traintrack.app.origin import home_of, origin_text
from traintrack.app.project import Project, action_graph
from traintrack.app.reasons import reason_text
from traintrack.app.recorded import ended_of, read_record, recorded_before, standing_digest
from traintrack.digest import TargetId
from traintrack.label import Label
from traintrack.ports.storage import HistoryEntry, Liveness, Storage
from traintrack.ports.trust import Refusal, refusal_of
from traintrack.workspace.source_control import HEAD, WORKTREE

_FREED = {
    FreeReason.RELEASED: "it was interrupted last time",
    FreeReason.FENCED: "it lost its holder last time",
    FreeReason.EVICTED: "its result was evicted",
    FreeReason.CORRUPT: "its result was damaged",
    FreeReason.SUPERSEDED: "its result was made from inputs that were made again since",
}


def why(project: Project, environment: Environment, text: str) -> WhyAnswer:
    """Say how a target stands, and compare its recipe with the one that it last had otherwise.

    Raises:
        UsageError: the text names several targets.
        NotFoundError: it names none.
        InputError: the ID cannot be computed.
    """
    storage = environment.storage
    found = one_label(project, text)
    label = str(found)
    graph = action_graph(project, [label])
    id_ = graph.labels[label]
    cell = storage.cells.read([id_])[id_].cell
    standing = read_record(storage, standing_digest(cell))
    before = _other_before(project, storage, label, id_)
    causes: tuple[Cause, ...] = ()
    if before is not None and id_ in graph.actions:
        causes = CauseFinder(project, storage, graph).causes(Comparison(label, id_, before[1]))
    action, home = graph.actions.get(id_), home_of(cell)
    unhashed = _unhashed(action, standing, _commit(project, found))
    return WhyAnswer(
        label=label,
        id=id_,
        now=_now(storage, cell, standing, before, unhashed, refusal_of(storage, id_)),
        origin=origin_text(project, home, standing) if home else None,
        old_id=before[0].id if before else None,
        compared_with=_named(*before) if before else None,
        causes=causes,
        unchanged=_unchanged(action, before[1], causes) if action and before else (),
        last_reason=_last_reason(standing or (before[1] if before else None)),
    )


def _other_before(project: Project, storage: Storage, label: str, id_: TargetId) -> tuple[HistoryEntry, Record] | None:
    """The newest record of the label under another ID; one of another profile only where there is no else."""
    of_another: tuple[HistoryEntry, Record] | None = None
    for entry, record in recorded_before(storage, project.workspace.name, label):
        if entry.id == id_ or not record.preimage:
            continue
        if record.who.profile == (project.profile or ""):
            return entry, record
        of_another = of_another or (entry, record)
    return of_another


def _named(entry: HistoryEntry, record: Record) -> str:
    profile = f", profile {record.who.profile}" if record.who.profile else ""
    return f"{entry.run}, {entry.time}{profile}"


def _now(
    storage: Storage,
    cell: Cell | None,
    standing: Record | None,
    before: tuple[HistoryEntry, Record] | None,
    unhashed: tuple[str, ...],
    refused: Refusal | None,
) -> str:
    if cell is not None and cell.state is CellState.DONE:
        return _cached(standing, unhashed)
    if cell is not None and cell.state is CellState.HELD:
        return _held(storage, cell)
    if refused is not None:
        return f"will run: the result in {refused.storage} is refused: {refused.words}"
    if cell is not None and cell.free is FreeReason.FAILED and cell.last_failure is not None:
        failure = cell.last_failure
        words = FailureClass(failure.failure).words if failure.failure in set(FailureClass) else failure.failure
        return f"will run: {words} last time{f' ({failure.message})' if failure.message else ''}"
    if cell is not None and cell.free in _FREED:
        by = f" by {cell.note}: will be made again" if cell.note else ""
        return f"will run: {_FREED[cell.free]}{by}"
    if before is not None:
        return "will run: its ID changed"
    return "will run: it was never built"


def _cached(standing: Record | None, unhashed: tuple[str, ...]) -> str:
    if standing is None:
        return "cached; its record cannot be read"
    since = f" since {ended_of(standing)}" if ended_of(standing) else ""
    by = f", by {standing.who.user + ' in ' if standing.who.user else ''}{standing.who.run}" if standing.who.run else ""
    took = ", taken over from the same recipe on the same bytes" if standing.early_cutoff else ""
    only = f"; changed since, without a part in the result: {', '.join(unhashed)}" if unhashed else ""
    return f"cached{since}{by}{took}{only}"


def _held(storage: Storage, cell: Cell) -> str:
    owner = cell.owner
    if owner is None:
        return "being made by another run"
    who = f"{owner.user}@{owner.host} in {owner.run}"
    if storage.cells.liveness(owner) is Liveness.GONE:
        return f"will run: {who} held it and is gone; the next run takes over"
    since = f" since {owner.since}" if owner.since else ""
    phase = cell.phase.value if cell.phase else "running"
    return f"held by {who}{since} ({phase})"


def _commit(project: Project, label: Label) -> str | None:
    target = declared(project, label)
    return target.spec.commit if target else None


def _unhashed(action: Action | None, standing: Record | None, commit: str | None) -> tuple[str, ...]:
    """Fields outside the ID that differ from what the standing record was made with."""
    if action is None or standing is None:
        return ()
    old, new = standing.unhashed, action.unhashed
    changed = [f"unhashed.{name}" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    asked = standing.asked
    if asked and asked.get("cpu") != action.resources.cpu:
        changed.append("resources.cpu")
    changed += [
        f"resources.{name.removesuffix('_bytes')}"
        for name in ("memory_bytes", "gpu", "gpu_type")
        if asked and asked.get(name) != getattr(action.resources, name)
    ]
    # `HEAD` moves with every commit, which nobody needs to be told.
    if standing.commit and commit not in (None, HEAD, WORKTREE, standing.commit):
        changed.append("commit (its paths have the same content)")
    return tuple(changed)


def _unchanged(action: Action, old: Record, causes: tuple[Cause, ...]) -> tuple[str, ...]:
    """What of the recipe is as it was: fields by name, arguments and inputs counted."""
    changed = {cause.field.partition(".")[0] for cause in causes}
    recipe = action.recipe
    same = [name for name in ("task", "image", "code", "env", "secrets") if recipe.get(name) and name not in changed]
    args, inputs = _same_args(recipe.get("args", {}), old.preimage.get("args", {}))
    if args:
        same.append(f"{args} {'other ' if 'args' in changed else ''}argument{'s' if args > 1 else ''}")
    if inputs:
        same.append(f"{inputs} {'other ' if 'args' in changed else ''}input{'s' if inputs > 1 else ''}")
    return tuple(same)


def _same_args(new: Mapping[str, Any], old: Mapping[str, Any]) -> tuple[int, int]:
    """How many arguments are equal in both: plain ones, and those that are inputs."""
    same = [value for key, value in new.items() if key in old and old[key] == value]
    inputs = sum(isinstance(value, dict) and "$artifact" in value for value in same)
    return len(same) - inputs, inputs


def _last_reason(record: Record | None) -> str | None:
    if record is None or not record.reason:
        return None
    facts = {key: value for key, value in record.reason.items() if key != "code"}
    try:
        code = ReasonCode(record.reason["code"])
    except (KeyError, ValueError):
        return None
    return reason_text(Reason(code, facts))
