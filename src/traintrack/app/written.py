"""Where a merged value of a target was written, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from traintrack.errors import Location
from traintrack.workspace.document import REMOVE
from traintrack.workspace.interpolate import has_holes, is_internal, names_in
from traintrack.workspace.model import KeyPath, Layer, Target
from traintrack.workspace.target_fields import CHECKS, OF_SOURCES_ONLY, OF_TASKS_ONLY, SHAPE

ATTRIBUTES: Final = {"import": "import_", "except": "except_"}
"""The attributes of `TargetSpec` that are called otherwise than the field."""

_FIRST: Final = (
    *("task", "source", "pin", "import", "max_age", "image", "code", "commit", "paths", "args", "except", "unhashed"),
    *("env", "secrets", "needs", "deliver", "outputs", "args_schema", "cache_version", "resources", "retries"),
    *("timeout", "network", "max_parallel", "keep", "layout"),
)

FIELD_ORDER: Final = (*_FIRST, *(name for name in CHECKS if name not in SHAPE and name not in _FIRST))
"""The fields of a target as they are written out: what it does first, what is only said about it last."""


class Written(Struct, frozen=True):
    """What a layer says of a value: `path` leads in its fields to `value`, which is the value itself or what it came out of."""

    layer: Layer
    path: KeyPath
    value: Any

    @property
    def place(self) -> Location:
        """Where it stands."""
        return self.layer.places.value((*self.layer.base, *self.path))

    @property
    def with_holes(self) -> Any:
        """What was written in the place of the value, None where that is the value itself or no text of the user's."""
        shown = has_holes(self.value) and not any(is_internal(name) for name in names_in(self.value))
        return self.value if shown else None


def written(target: Target, path: KeyPath) -> Written | None:
    """Return what the last layer wrote that has a merged value, or the nearest thing above it; None if none has."""
    for depth in range(len(path), 0, -1):
        for layer in reversed(target.layers):
            found, value = _reached(layer.fields, path[:depth])
            if found:
                return Written(layer, path[:depth], value)
    return None


def origin_words(layer: Layer) -> str:
    """Name the layer that a value comes from: `target`, `defaults`, `template //lib:kfold`, `profile smoke`, `--set`."""
    return f"profile {layer.base[1]}" if layer.base[:1] == ("profiles",) else layer.origin


def own_fields(target: Target) -> Iterator[tuple[str, Any]]:
    """Return the merged fields that some layer wrote and that mean something for the target, in `FIELD_ORDER`."""
    idle = OF_SOURCES_ONLY if target.spec.source is None else OF_TASKS_ONLY
    for name in FIELD_ORDER:
        last = written(target, (name,))
        if name not in idle and last is not None and last.value is not REMOVE:
            yield name, getattr(target.spec, ATTRIBUTES.get(name, name))


def _reached(fields: Any, path: KeyPath) -> tuple[bool, Any]:
    for part in path:
        if not isinstance(fields, dict) or part not in fields:
            return False, None
        fields = fields[part]
    return True, fields
