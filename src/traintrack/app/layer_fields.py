"""Fields of a layer by path, and their spelling as flow YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from traintrack.app.flow_yaml import flow_text, flow_value

FieldPath = tuple[str, ...]

_MISSING: Final = object()


def leaves_of(path: FieldPath, value: Any) -> Iterator[tuple[FieldPath, Any]]:
    """Return the fields that a value at `path` writes: maps are merged, so that each key of one is a field of its own."""
    if type(value) is dict and value:
        for key, item in value.items():
            yield from leaves_of((*path, key), item)
        return
    yield path, value


def reach(fields: Mapping[str, Any], path: FieldPath) -> int:
    """Return how many parts of a path lead to the value that fields have for it; 0 if they say nothing about it."""
    depth = depth_of(fields, path)
    if depth == len(path):
        return depth
    return depth if depth and type(value_at(fields, path[:depth])) is not dict else 0


def depth_of(fields: Mapping[str, Any], path: FieldPath) -> int:
    """Return how many parts of a path are there as keys."""
    current: Any = fields
    for depth, part in enumerate(path):
        if type(current) is not dict or part not in current:
            return depth
        current = current[part]
    return len(path)


def value_at(fields: Mapping[str, Any], path: FieldPath) -> Any:
    """Return the value at a path, one that equals nothing where there is none."""
    current: Any = fields
    for part in path:
        if type(current) is not dict or part not in current:
            return _MISSING
        current = current[part]
    return current


def same_value(old: Any, new: Any) -> bool:
    """Tell if two values are the same in a file; `1` and `1.0` are not."""
    return _spelled(old) == _spelled(new)


def spelled_field(path: FieldPath, value: Any, source: str | None) -> str:
    """Return a field as flow YAML, `args: {lr: 0.01}`; a number is spelled as in `source`, if that is given."""
    is_number = type(value) in (int, float, bool) and source is not None
    text = source if is_number and source is not None else _spelled(value)
    for part in reversed(path[1:]):
        text = f"{{{flow_text(part)}: {text}{' ' if text == '!remove' else ''}}}"
    return f"{flow_text(path[0])}: {text}"


def _spelled(value: Any) -> str:
    return "" if value is _MISSING else flow_value(value)
