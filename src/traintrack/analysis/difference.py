"""Why two IDs differ: their pre-images compared field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from msgspec import Struct

from traintrack.analysis.preimage import ARTIFACT_KEY, FAMILY_KEY, user_key
from traintrack.digest import canonical_json


class ChangeKind(str, Enum):
    """What happened to a field; INPUT is another ID of what it refers to, whose own recipe has the cause."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    INPUT = "input"


class FieldChange(Struct, frozen=True):
    """One difference. `field` is dotted for people (`args.epochs`, `code.src`, `args.evals[lr=0.1]`).

    `path` is the same as keys and indices, with a user's own keys. `old` and `new` are values, None where the
    field did not exist, and IDs where `kind` is INPUT.
    """

    field: str
    path: tuple[str | int, ...]
    kind: ChangeKind
    old: Any = None
    new: Any = None


class _Absent(Enum):
    ABSENT = "absent"


def explain_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldChange]:
    """Return every field in which two pre-images differ, sorted by field; empty if they are equal.

    Maps are compared key by key, lists of equal length item by item, families member by member. `1`, `1.0`,
    `true` and `"1"` differ, as they do in the ID.
    """
    changes = [
        change for name in sorted({*old, *new}) for change in _compare(_get(old, name), _get(new, name), (name,))
    ]
    return sorted(changes, key=lambda change: [str(part) for part in change.path])


def _compare(old: Any, new: Any, path: tuple[str | int, ...]) -> Iterator[FieldChange]:
    if _is_reference(old) and _is_reference(new):
        yield from _compare_references(old, new, path)
    elif _is_family(old) and _is_family(new):
        yield from _compare_families(old[FAMILY_KEY], new[FAMILY_KEY], path)
    elif _is_map(old) and _is_map(new):
        for key in dict.fromkeys((*old, *new)):
            yield from _compare(_get(old, key), _get(new, key), (*path, user_key(key)))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _compare(before, after, (*path, index))
    elif not _equal(old, new):
        yield _change(old, new, path)


def _compare_references(
    old: Mapping[str, Any], new: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[FieldChange]:
    if old[ARTIFACT_KEY] != new[ARTIFACT_KEY]:
        yield FieldChange(_dotted(path), path, ChangeKind.INPUT, old[ARTIFACT_KEY], new[ARTIFACT_KEY])
    yield from _compare(_get(old, "path"), _get(new, "path"), (*path, "path"))


def _compare_families(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], path: tuple[str | int, ...]
) -> Iterator[FieldChange]:
    before = {_coordinates(member["at"]): member for member in old}
    after = {_coordinates(member["at"]): member for member in new}
    for name in dict.fromkeys((*before, *after)):
        here = (*path[:-1], f"{path[-1]}[{name}]")
        if name in before and name in after:
            yield from _compare_references(before[name], after[name], here)
        else:
            yield _change(_id_of(before.get(name)), _id_of(after.get(name)), here)


def _coordinates(at: Any) -> str:
    if not isinstance(at, Mapping):
        return canonical_json(at).decode("utf-8")
    rows = ((user_key(axis), value) for axis, value in at.items())
    return ",".join(f"{axis}={canonical_json(value).decode('utf-8')}" for axis, value in sorted(rows))


def _id_of(member: Mapping[str, Any] | None) -> Any:
    return _Absent.ABSENT if member is None else member[ARTIFACT_KEY]


def _change(old: Any, new: Any, path: tuple[str | int, ...]) -> FieldChange:
    if old is _Absent.ABSENT:
        return FieldChange(_dotted(path), path, ChangeKind.ADDED, None, _shown(new))
    if new is _Absent.ABSENT:
        return FieldChange(_dotted(path), path, ChangeKind.REMOVED, _shown(old), None)
    return FieldChange(_dotted(path), path, ChangeKind.CHANGED, _shown(old), _shown(new))


def _shown(value: Any) -> Any:
    """The value as its author wrote it: keys without the added `$`."""
    if isinstance(value, Mapping):
        return {user_key(key): _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _equal(old: Any, new: Any) -> bool:
    if isinstance(old, _Absent) or isinstance(new, _Absent):
        return old is new
    return canonical_json(old) == canonical_json(new)


def _get(value: Mapping[str, Any], key: str) -> Any:
    return value.get(key, _Absent.ABSENT)


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and ARTIFACT_KEY in value


def _is_family(value: Any) -> bool:
    return isinstance(value, Mapping) and FAMILY_KEY in value


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping) and not _is_reference(value) and not _is_family(value)


def _dotted(path: tuple[str | int, ...]) -> str:
    """Join a path for people; a key that holds a dot or a blank is quoted, so that the path can be read back."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        quoted = f'"{part}"' if not part or any(c in '." ' for c in part.partition("[")[0]) else part
        text += f".{quoted}" if text else quoted
    return text
