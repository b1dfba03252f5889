"""The arguments of targets as values in columns: dotted names, without what refers to other targets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from traintrack.app.metrics_file import Value
from traintrack.label import looks_like_reference
from traintrack.workspace.model import Literal


def argument_values(args: Mapping[str, Any]) -> dict[str, Value]:
    """Return the arguments by dotted names; a list is its JSON, a null is `null`, what holds a reference is left out."""
    return {path: value for path, found in _leaves(args, "") if (value := _value(found)) is not None}


def only_differing(rows: Sequence[Mapping[str, Value]]) -> list[dict[str, Value]]:
    """Return the same rows with only those arguments that are not the same in all of them."""
    names = dict.fromkeys(name for row in rows for name in row)
    seen = {name: {json.dumps(row.get(name)) for row in rows} for name in names}
    return [{name: value for name, value in row.items() if len(seen[name]) > 1} for row in rows]


def _leaves(found: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in found.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(found: Any) -> Value | None:
    if isinstance(found, Literal):
        return found.text
    if isinstance(found, str):
        return None if looks_like_reference(found) else found
    if isinstance(found, bool | int | float):
        return found
    return None if _refers(found) else json.dumps(_plain(found), ensure_ascii=False, separators=(",", ":"))


def _refers(found: Any) -> bool:
    if isinstance(found, Mapping):
        return any(map(_refers, found.values()))
    if isinstance(found, list | tuple):
        return any(map(_refers, found))
    return isinstance(found, str) and looks_like_reference(found)


def _plain(found: Any) -> Any:
    if isinstance(found, Literal):
        return found.text
    if isinstance(found, Mapping):
        return {str(key): _plain(item) for key, item in found.items()}
    return [_plain(item) for item in found] if isinstance(found, list | tuple) else found
