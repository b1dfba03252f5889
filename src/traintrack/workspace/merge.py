"""How the layers of a target become one map (DESIGN 3.2): maps merge, all else replaces, `!remove` removes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traintrack.workspace.document import REMOVE


def overlay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `over` on top; neither is changed, and unmerged values are shared with them.

    A `REMOVE` inside a map that `base` does not have survives: `without_removes` takes it away at the end.
    """
    merged = dict(base)
    for key, value in over.items():
        if value is REMOVE:
            merged.pop(key, None)
            continue
        if type(value) is dict:
            below = merged.get(key)
            if type(below) is dict and below:
                merged[key] = overlay(below, value)
                continue
        merged[key] = value
    return merged


def without_removes(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a map without the keys whose value is `REMOVE`, at any depth of maps."""
    return {
        key: without_removes(value) if type(value) is dict else value
        for key, value in fields.items()
        if value is not REMOVE
    }
