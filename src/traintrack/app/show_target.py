"""`show`: a target as it is after merging, each field with the place that wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from traintrack.action.action import ActionGraph
from traintrack.action.cell import CellState
from traintrack.app.answers import FieldShown, ShownTarget
from traintrack.app.environment import Environment
from traintrack.app.flow_yaml import flow_value
from traintrack.app.kept_files import find_kept
from traintrack.app.one_target import declared, one_label
from traintrack.app.origin import home_of, origin_text
from traintrack.app.plain_url import plain_url
from traintrack.app.project import Project, action_graph, target_graph
from traintrack.app.recorded import read_record, recorded_before, standing_digest
from traintrack.app.written import ATTRIBUTES, written
from traintrack.errors import InputError, Location, NotFoundError
from traintrack.graph.target_graph import Edge
from traintrack.label import Label
from traintrack.workspace.document import REMOVE
from traintrack.workspace.model import Literal, Target
from traintrack.workspace.target_fields import SHAPE


def show_target(project: Project, text: str, environment: Environment | None = None) -> ShownTarget:
    """Return the merged fields of a target, what it depends on, its ID and, from a storage, its last record.

    The ID is None, and the pre-image empty, where it cannot be computed yet, for instance because a pin is missing.

    Raises:
        UsageError: the text names several targets.
        NotFoundError: it names none.
        InputError: the target, or what it depends on, is wrong.
    """
    label = one_label(project, text)
    target = declared(project, label)
    graph = _actions(project, label)
    id_ = graph.labels.get(str(label)) if graph else None
    action = graph.actions.get(id_) if graph and id_ else None
    record, path, home, url = None, None, "", None
    kept: tuple[str, ...] = ()
    if environment is not None:
        cell = environment.storage.cells.read([id_])[id_].cell if id_ else None
        record = read_record(environment.storage, standing_digest(cell)) or _last(project, environment, label)
        files = find_kept(environment.storage, cell)
        kept = tuple(entry.path for entry in files.manifest.entries) if files is not None else ()
        if cell is not None and cell.state is CellState.DONE and cell.result is not None:
            home, url = home_of(cell), plain_url(environment.storage, cell.result)
            # What lies in a bucket may be nowhere on this machine: `pull` brings it.
            with suppress(NotFoundError):
                path = environment.storage.artifacts.path(cell.result.artifact)
    return ShownTarget(
        label=str(label),
        id=id_,
        place=target.place if target else Location(project.loader.experiment(label.package).lock_path, 1),
        fields=tuple(merged_fields(target)) if target else (),
        inputs=_inputs(project, label),
        preimage=json.loads(action.preimage) if action else {},
        record=msgspec.to_builtins(record) if record else None,
        path=path,
        origin=origin_text(project, home, record) if home else None,
        url=url,
        kept=kept,
        coordinates=_coordinates(target) if target else {},
    )


def _coordinates(target: Target) -> dict[str, str]:
    return {axis: one.name for axis, one in zip(target.axes, target.point, strict=True)}


def merged_fields(target: Target) -> Iterator[FieldShown]:
    """Every field that some layer wrote, as it is after merging; maps are told key by key, lists whole.

    In the order in which the layers first wrote them. What was removed by a later layer is not told.
    """
    for name in dict.fromkeys(key for layer in target.layers for key in layer.fields):
        if name not in SHAPE:
            yield from _flat(target, (name,), getattr(target.spec, ATTRIBUTES.get(name, name)))


def _flat(target: Target, path: tuple[str, ...], value: Any) -> Iterator[FieldShown]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(target, (*path, str(key)), item)
        return
    source = written(target, path)
    if source is None or source.value is REMOVE:
        return
    raw = source.with_holes
    text = None if raw is None else flow_value(raw)
    yield FieldShown(".".join(path), _plain(value), source.place, source.layer.origin, text)


def _plain(value: Any) -> Any:
    """The value as JSON can say it; marked text gets its mark back."""
    if isinstance(value, Literal):
        return f"!literal {json.dumps(value.text, ensure_ascii=False)}"
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _actions(project: Project, label: Label) -> ActionGraph | None:
    try:
        return action_graph(project, [str(label)])
    except InputError:
        # The graph itself is looked at once more for the inputs, and what is wrong with it is told there.
        return None


def _inputs(project: Project, label: Label) -> tuple[tuple[str, str], ...]:
    node = target_graph(project, [label]).nodes.get(label)
    if node is None:
        return ()
    return tuple((".".join(map(str, (edge.field, *edge.path))), _producer(edge)) for edge in node.edges())


def _producer(edge: Edge) -> str:
    name = str(edge.producer) if edge.producer else edge.leaf.name if edge.leaf else ""
    return f"{name}/{edge.subpath}" if edge.subpath else name


def _last(project: Project, environment: Environment, label: Label) -> Any:
    before = recorded_before(environment.storage, project.workspace.name, str(label))
    return next((record for _, record in before), None)
