"""What a fan-in would have to leave out so that it can be made without the members that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from traintrack.action.action import Action, ActionGraph
from traintrack.action.plan import Outcome
from traintrack.app.except_edit import ExceptEdit, LeftOut
from traintrack.digest import JsonValue, TargetId, canonical_json
from traintrack.family_name import coordinates_of, family_of, row_name
from traintrack.label import parse_label
from traintrack.workspace.folders import CONFIG

GROUPED_FROM = 21
"""From so many coordinates on, a value of an axis whose members are all left out stands for them."""

_NONE: frozenset[str] = frozenset()

Coordinates = Mapping[str, JsonValue]
Arguments = Mapping[str, tuple[Coordinates, ...]]


class _Row(Struct, frozen=True):
    """A row of a fan-in: its argument, its coordinates, and the rows of failures that it cannot be made for."""

    argument: str
    at: Coordinates
    roots: frozenset[str]


def except_edits(
    graph: ActionGraph, outcomes: Mapping[TargetId, Outcome], already: Callable[[str], Arguments | None]
) -> tuple[ExceptEdit, ...]:
    """Return the edit for each target that failed members alone hold back, in graph order.

    A target is passed over where something else that it needs is missing too, or where a fan-in would be left without
    any row: no edit lets it go on. What follows on a target that could go on is not held back any more.

    Args:
        graph: the actions of the run.
        outcomes: how those of its plan ended.
        already: returns what a label leaves out as it is declared, None where it has no such field of its own.
    """
    if Outcome.FAILED not in outcomes.values():
        return ()
    labels = _labels(graph)
    held: dict[tuple[str, str], dict[str, list[_Row]]] = {}
    there: dict[str, Arguments] = {}

    def may_leave_out(action: Action) -> bool:
        known = {label: already(label) for label in labels[action.id]}
        there.update({label: some for label, some in known.items() if some is not None})
        return None not in known.values()

    for action, rows in _held_back(graph, outcomes, labels, may_leave_out):
        for label in labels[action.id]:
            held.setdefault(_field_of(label, action), {})[label] = rows
    sizes = Counter(family_of(label) for label in graph.labels) if held else Counter[str | None]()
    return tuple(_edit(field, rows, sizes, there) for field, rows in held.items())


def _held_back(
    graph: ActionGraph,
    outcomes: Mapping[TargetId, Outcome],
    labels: Mapping[TargetId, Sequence[str]],
    may_leave_out: Callable[[Action], bool],
) -> Iterator[tuple[Action, list[_Row]]]:
    """The actions that would go on without some rows of their fan-ins, with all rows of these."""
    failed = (id_ for id_, outcome in outcomes.items() if outcome is Outcome.FAILED)
    roots = {id_: frozenset(map(row_name, labels.get(id_, ()))) for id_ in failed}
    for id_ in graph.order:
        outcome = outcomes.get(id_)
        if outcome is None or outcome.good or id_ in roots:
            continue
        action = graph.actions[id_]
        rows = list(_fan_in(action, roots))
        others = _held_by(action, roots)
        every = others.union(*(row.roots for row in rows))
        if not every:
            continue
        if others or _is_left_empty(rows) or not may_leave_out(action):
            roots[id_] = every
        else:
            yield action, rows


def left_out(rows: Iterable[tuple[Coordinates, bool]]) -> tuple[Coordinates, ...]:
    """Return the coordinates that name the rows which are to go and no other.

    Each row has coordinates of its own and says if it is to go. Where many go, whole values of an axis come first.
    """
    known = {canonical_json(dict(at)): (at, goes) for at, goes in rows}
    gone = [at for at, goes in known.values() if goes]
    if len(gone) < GROUPED_FROM:
        return tuple(gone)
    whole, covered = _whole_values([at for at, _ in known.values()], gone)
    return (*whole, *(at for number, at in enumerate(gone) if number not in covered))


def _whole_values(every: Sequence[Coordinates], gone: Sequence[Coordinates]) -> tuple[list[Coordinates], set[int]]:
    """The values that only rows to go have, those with most rows first, and the numbers of the rows that they stand for.

    A value that would stand for one row alone is left out: it says more than the row does.
    """
    here, going = _members(every), _members(gone)
    whole = [pair for pair, rows in going.items() if len(rows) > 1 and len(rows) == len(here[pair])]
    covered: set[int] = set()
    found: list[Coordinates] = []
    for pair in sorted(whole, key=lambda pair: -len(going[pair])):
        new = [number for number in going[pair] if number not in covered]
        if len(new) > 1:
            covered.update(new)
            first = gone[going[pair][0]]
            found.append({axis: value for axis, value in first.items() if _pair(axis, value) == pair})
    return found, covered


def _members(rows: Sequence[Coordinates]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, at in enumerate(rows):
        for axis, value in at.items():
            found.setdefault(_pair(axis, value), []).append(number)
    return found


def _pair(axis: str, value: JsonValue) -> str:
    return canonical_json({axis: value}).decode()


def _fan_in(action: Action, roots: Mapping[TargetId, frozenset[str]]) -> Iterator[_Row]:
    for item in action.inputs:
        at = _coordinates(action.config, item.arg_path)
        if at is not None:
            yield _Row(".".join(map(str, item.arg_path[:-2])), at, roots.get(item.id, _NONE))


def _held_by(action: Action, roots: Mapping[TargetId, frozenset[str]]) -> frozenset[str]:
    """What holds an action back besides the rows of its fan-ins."""
    others = [item.id for item in action.inputs if _coordinates(action.config, item.arg_path) is None]
    return _NONE.union(*(roots.get(id_, _NONE) for id_ in (*others, *action.needs)))


def _is_left_empty(fan_in: Sequence[_Row]) -> bool:
    left: dict[str, bool] = {}
    for row in fan_in:
        left[row.argument] = left.get(row.argument, False) or not row.roots
    return not all(left.values())


def _coordinates(config: JsonValue, path: Sequence[str | int]) -> Coordinates | None:
    """The `at` of the fan-in's row that a path string goes into, None if the path leads elsewhere."""
    if len(path) < 3 or path[-1] != "path" or not isinstance(path[-2], int):
        return None
    value: Any = config
    for part in path[:-1]:
        value = value[part]
    at = value.get("at") if isinstance(value, Mapping) else None
    return at if isinstance(at, Mapping) else None


def _labels(graph: ActionGraph) -> dict[TargetId, list[str]]:
    found: dict[TargetId, list[str]] = {}
    for label, id_ in graph.labels.items():
        found.setdefault(id_, []).append(label)
    return found


def _field_of(label_text: str, action: Action) -> tuple[str, str]:
    """The file and the target in it that a label is declared by; a label with the same recipe as another has its own."""
    label = parse_label(family_of(label_text) or label_text)
    place = action.provenance.place if label_text == action.provenance.label else ""
    path = place.rsplit(":", 2)[0] if place else f"{label.package}/{CONFIG}".lstrip("/")
    return path, label.name


def _edit(
    field: tuple[str, str],
    held: Mapping[str, Sequence[_Row]],
    sizes: Mapping[str | None, int],
    there: Mapping[str, Arguments],
) -> ExceptEdit:
    """Members that leave out the same share one field, if they are all there are; what one has not, it may not leave out."""
    path, target = field
    every = {label: _arguments(rows, there[label]) for label, rows in held.items()}
    first, *others = every.values()
    family = family_of(next(iter(held)))
    is_shared = family is None or (1 < sizes[family] == len(held) and all(one == first for one in others))
    shared = (LeftOut({}, first),)
    parts = shared if is_shared else tuple(LeftOut(dict(coordinates_of(label)), one) for label, one in every.items())
    because = dict.fromkeys(name for rows in held.values() for row in rows for name in sorted(row.roots))
    return ExceptEdit(path, target, parts, tuple(because), any(there[label] for label in held))


def _arguments(rows: Sequence[_Row], there: Arguments) -> Arguments:
    by_argument: dict[str, list[tuple[Coordinates, bool]]] = {}
    for row in rows:
        by_argument.setdefault(row.argument, []).append((row.at, bool(row.roots)))
    found = {argument: tuple(some) for argument, some in there.items()}
    for argument, some in by_argument.items():
        if any(goes for _, goes in some):
            found[argument] = (*found.get(argument, ()), *left_out(some))
    return found
