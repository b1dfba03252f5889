"""What was meant as a hole and is none: `{lr}` in flow style is a map, and keys are never filled."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any, Final

from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.interpolate import MARK
from traintrack.workspace.model import KeyPath

_HOLD_ANY_KEYS: Final = frozenset({"args", "unhashed", "with"})


def refuse_maps_for_holes(value: Any, names: Container[str], path: KeyPath, findings: Findings) -> None:
    """Note each `{lr}` without the `$`, which YAML reads as a map with an empty value, where `lr` is a name."""
    if type(value) is list:
        for i, item in enumerate(value):
            refuse_maps_for_holes(item, names, (*path, i), findings)
    if type(value) is not dict:
        return
    for key, item in value.items():
        is_alone = len(value) == 1 and item is None and key in names
        if is_alone and findings.places.text((*path, key)) == "":
            hint = f'write `"${{{key}}}"`, or `{key}: null` if the map is meant'
            findings.at_value(path, f"`{{{key}}}` is a map with an empty value, not a hole", "interpolation", hint)
        refuse_maps_for_holes(item, names, (*path, key), findings)


def refuse_holes_in_keys(section: Mapping[str, Any], path: KeyPath, findings: Findings) -> None:
    """Note each key with `${` where keys may be anything; elsewhere it is refused as a name."""
    for where in _keys_with_holes(section, path, is_free=False):
        message = f"the key `{shown(str(where[-1]))}` is not filled: holes are for values"
        findings.at_key(where, message, "interpolation", "write a plain key, and the hole into its value")


def _keys_with_holes(value: Any, path: KeyPath, *, is_free: bool) -> Iterator[KeyPath]:
    if type(value) is dict:
        for key, item in value.items():
            if is_free and MARK in key:
                yield (*path, key)
            yield from _keys_with_holes(item, (*path, key), is_free=is_free or key in _HOLD_ANY_KEYS)
    elif type(value) is list:
        for i, item in enumerate(value):
            yield from _keys_with_holes(item, (*path, i), is_free=is_free)
