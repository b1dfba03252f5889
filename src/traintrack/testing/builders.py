"""Small builders of actions and graphs, so that a test says only what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from traintrack.action.action import Action, ActionGraph, Input, Provenance
from traintrack.action.image import PythonImage
from traintrack.digest import JsonValue, TargetId, canonical_json, target_id

IMAGE = PythonImage("3.11", "requirements.lock", "0" * 64)


def build_action(
    name: str,
    inputs: Iterable[Action | tuple[Action, str]] = (),
    args: Mapping[str, JsonValue] | None = None,
    **fields: Any,
) -> Action:
    """Return an action labelled `//:name` whose arguments `in0`, `in1`… are the inputs, or parts `(input, path)` of them."""
    hashed: dict[str, JsonValue] = dict(args or {})
    config: dict[str, JsonValue] = dict(args or {})
    parts: list[Input] = []
    for number, item in enumerate(inputs):
        before, subpath = item if isinstance(item, tuple) else (item, None)
        key = f"in{number}"
        hashed[key] = {"$artifact": before.id, "path": subpath} if subpath else {"$artifact": before.id}
        config[key] = None
        parts.append(Input(before.id, (key,), subpath))
    recipe: dict[str, JsonValue] = {
        "format": "traintrack/target/1",
        "task": name,
        "entrypoint": None,
        "platform": "any",
        "image": {"python": "3.11", "lock": "0" * 64},
        "code": {},
        "env": {},
        "secrets": [],
        "cache_version": 0,
        "args": hashed,
    }
    preimage = canonical_json(recipe)
    return Action(
        id=target_id(preimage),
        preimage=preimage,
        task=name,
        image=IMAGE,
        config=config,
        inputs=tuple(parts),
        provenance=Provenance("test", f"//:{name}", "TTCONFIG.yaml:1:1"),
        **fields,
    )


def build_graph(actions: Iterable[Action], requested: Iterable[Action] | None = None) -> ActionGraph:
    """Return a graph of actions that are given in dependency order; the last one is requested if none is named."""
    ordered = tuple(actions)
    wanted: tuple[TargetId, ...] = tuple(a.id for a in requested) if requested is not None else (ordered[-1].id,)
    return ActionGraph(
        actions={a.id: a for a in ordered},
        labels={a.label: a.id for a in ordered},
        requested=wanted,
        order=tuple(a.id for a in ordered),
    )
