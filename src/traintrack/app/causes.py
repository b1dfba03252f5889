"""Why the ID of a target differs from an earlier one: field by field, down through its inputs to what was edited."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from traintrack.action.action import ActionGraph
from traintrack.action.record import InputRead, Record
from traintrack.analysis.difference import ChangeKind, FieldChange, explain_difference
from traintrack.app.answers import Cause
from traintrack.app.one_target import declared
from traintrack.app.project import Project
from traintrack.app.recorded import read_record, recorded_before, standing_digest
from traintrack.digest import TargetId
from traintrack.errors import Location, TraintrackError
from traintrack.family_name import row_name
from traintrack.label import parse_label
from traintrack.ports.storage import Storage
from traintrack.workspace.model import Target
from traintrack.workspace.source_control import HEAD, WORKTREE

MAX_LEVELS = 32
"""So many inputs deep the causes are followed; a person goes on from there with another `why`."""


MAX_FOLLOWED = 20
"""So many inputs of one target are followed: of ten thousand members of a family most changed for the same reason."""

EXPLAINED = "explained above"
GOES_ON = "goes on from here"
"""What is noted of a cause whose own causes are told elsewhere, or not at all."""


class Comparison(Struct, frozen=True):
    """A label whose recipe is compared: what it is now, and the record of what it was."""

    label: str
    new_id: TargetId
    old: Record


class _Found(Struct):
    """What a comparison found: each difference, and the comparison that explains it further, if there is one.

    `read` are the inputs of the old record by ID, `followed` is how many of those that changed were looked into.
    """

    depth: int
    read: Mapping[Any, InputRead]
    followed: int = 0
    rows: list[tuple[Cause, Comparison | None]] = field(default_factory=list)


class CauseFinder:
    """Compares recipes and follows the inputs whose IDs changed, each pair once."""

    def __init__(self, project: Project, storage: Storage, graph: ActionGraph) -> None:
        self._project = project
        self._storage = storage
        self._graph = graph
        self._changes: dict[tuple[str, int], str | None] = {}

    def causes(self, start: Comparison) -> tuple[Cause, ...]:
        """Return the differences, each with those of the input that it comes from.

        What two inputs have in common is told below the first of them, so that the answer stays small in a
        graph of many diamonds. Goes at most `MAX_LEVELS` deep and says where it stopped.
        """
        found: dict[tuple[str, TargetId, TargetId], _Found] = {_key(start): _found(start, 0)}
        waiting = deque([start])
        while waiting:
            comparison = waiting.popleft()
            here = found[_key(comparison)]
            here.rows = [self._row(comparison, change, here) for change in self._differences(comparison)]
            for position, (cause, deeper) in enumerate(here.rows):
                if deeper is None:
                    continue
                if _key(deeper) in found:
                    here.rows[position] = (_noted(cause, EXPLAINED), None)
                    continue
                found[_key(deeper)] = _found(deeper, here.depth + 1)
                waiting.append(deeper)
        return _nested(found)[_key(start)]

    def _differences(self, comparison: Comparison) -> Sequence[FieldChange]:
        action = self._graph.actions.get(comparison.new_id)
        return explain_difference(comparison.old.preimage, json.loads(action.preimage)) if action else []

    def _row(self, comparison: Comparison, change: FieldChange, here: _Found) -> tuple[Cause, Comparison | None]:
        target = declared(self._project, parse_label(comparison.label))
        if change.kind is ChangeKind.INPUT:
            return self._input_row(change, target, here)
        place = _place(target, change)
        note = self._commits(comparison, target) if change.path[0] == "code" else None
        return Cause(change.field, change.old, change.new, place, self._edit(place, change), note=note), None

    def _input_row(self, change: FieldChange, target: Target | None, here: _Found) -> tuple[Cause, Comparison | None]:
        place = _place(target, change)
        label = self._label_of(change.new)
        before = here.read.get(change.old)
        # Members of one family may share an ID: then the record names the first of them, which is no other target.
        if before is not None and before.label and label and row_name(before.label) != row_name(label):
            note = f"another target: {before.label} → {label}"
            edit = self._edit(place, change)
            return Cause(
                change.field, change.old, change.new, place, edit, label, note=note, old_label=before.label
            ), None
        cause = Cause(change.field, change.old, change.new, place, None, label)
        if label is None or change.new not in self._graph.actions:
            return _noted(cause, "what it is stands in TTLOCK.yaml"), None
        if here.followed >= MAX_FOLLOWED:
            return _noted(cause, f"`traintrack why {label}` {GOES_ON}"), None
        here.followed += 1
        old = self._record_of(label, TargetId(change.old))
        if old is None:
            return _noted(cause, "the record of its old ID is lost"), None
        if here.depth + 1 >= MAX_LEVELS:
            return _noted(cause, f"`traintrack why {label}` {GOES_ON}"), None
        return cause, Comparison(label, TargetId(change.new), old)

    def _label_of(self, id_: Any) -> str | None:
        known = self._graph.actions.get(id_) or self._graph.sources.get(id_)
        return known.provenance.label if known and known.provenance.label else None

    def _record_of(self, label: str, id_: TargetId) -> Record | None:
        """The record of an old ID: through the history of its label, else through its cell."""
        for entry, record in recorded_before(self._storage, self._project.workspace.name, label):
            if entry.id == id_ and record.preimage:
                return record
        cell = self._storage.cells.read([id_])[id_].cell
        standing = read_record(self._storage, standing_digest(cell))
        return standing if standing and standing.preimage else None

    def _commits(self, comparison: Comparison, target: Target | None) -> str | None:
        action = self._graph.actions.get(comparison.new_id)
        old = comparison.old.commit
        new = action.provenance.commit if action else None
        if old and new and old != new:
            return f"commit {_short(old)} → {_short(new)}"
        declared_as = target.spec.commit if target else None
        return f"at {declared_as}" if declared_as in (HEAD, WORKTREE) else None

    def _edit(self, place: Location | None, change: FieldChange) -> str | None:
        """Who wrote the line last, where the line itself says the new value."""
        if place is None or change.path[0] in ("code", "image", "format") or change.new is None:
            return None
        key = (place.path, place.line)
        if key not in self._changes:
            self._changes[key] = self._last_change(place)
        return self._changes[key]

    def _last_change(self, place: Location) -> str | None:
        try:
            change = self._project.source.last_change(place.path, place.line)
        except TraintrackError:
            return None
        if change is None:
            return "not committed yet"
        return f"{change.commit} {change.author} {change.date} {change.subject}"


def _key(comparison: Comparison) -> tuple[str, TargetId, TargetId]:
    return comparison.label, comparison.old.id, comparison.new_id


def _nested(
    found: Mapping[tuple[str, TargetId, TargetId], _Found],
) -> dict[tuple[str, TargetId, TargetId], tuple[Cause, ...]]:
    """Put the causes together from the bottom: what explains a row was always found after it."""
    done: dict[tuple[str, TargetId, TargetId], tuple[Cause, ...]] = {}
    for key in reversed(list(found)):
        done[key] = tuple(
            _with_causes(cause, done[_key(deeper)]) if deeper is not None else cause
            for cause, deeper in found[key].rows
        )
    return done


def _with_causes(cause: Cause, causes: tuple[Cause, ...]) -> Cause:
    return Cause(cause.field, cause.old, cause.new, cause.place, cause.change, cause.input_label, causes, cause.note)


def _noted(cause: Cause, note: str) -> Cause:
    return Cause(cause.field, cause.old, cause.new, cause.place, cause.change, cause.input_label, cause.causes, note)


def _found(comparison: Comparison, depth: int) -> _Found:
    """A place for what a comparison will find; of several inputs of one ID the first is named."""
    return _Found(depth, {read.id: read for read in reversed(comparison.old.inputs)})


_FIELDS_OF = {"code": ("commit",), "image": ("image",), "platform": ("image",), "entrypoint": ("image",)}
"""Which field of TTCONFIG.yaml decides a part of the pre-image that has another name there."""


def _place(target: Target | None, change: FieldChange) -> Location | None:
    if target is None:
        return None
    return target.place_of(*_FIELDS_OF.get(str(change.path[0]), change.path))


def _short(commit: str) -> str:
    return commit[:9] if len(commit) >= 40 else commit
