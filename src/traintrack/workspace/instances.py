"""A graph of targets from a template: its parts, as they stand in the experiment that uses it.

Of `cv: {use: kfold}` the part `train` is `:cv.train`, and the result is `:cv` itself. Inside the template `.train` names
the sibling. Where the whole instance is a member of a family, the sibling with the same coordinates is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.interpolate import first_coordinates
from traintrack.workspace.model import KeyPath, Layer
from traintrack.workspace.parameters_put_in import filled_layer
from traintrack.workspace.suggest import did_you_mean, one_of
from traintrack.workspace.template import Template, axes_named

_SIBLING = re.compile(r"\.(?P<name>[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)(?:@(?P<member>[^/#]+))?(?P<rest>[/#].*)?\Z")
_WITH_REFERENCES: Final = ("args", "with", "needs")


class Instance(Struct, frozen=True):
    """A template in use: `name` is that of the target which uses it, `prefix` begins the names of its parts.

    `outer` is how many axes it has itself. `raw` is what the parameters stand for.
    """

    template: Template
    name: str
    prefix: str
    outer: int
    raw: Mapping[str, Any]

    def name_of(self, part: str) -> str:
        """The name of a part as a target: the result bears the name of the instance."""
        return self.name if part == self.template.result else f"{self.prefix}.{part}"


def part_layer(instance: Instance, part: str, findings: Findings) -> Layer:
    """Return the fields of a part with siblings named in full and parameters put in; what is wrong is noted."""
    template = instance.template
    assert template.targets is not None
    base = (*template.base, "targets", part)
    fields: dict[str, Any] = dict(template.targets[part])
    for key in _WITH_REFERENCES:
        if key in fields:
            fields[key] = _in_full(fields[key], (*base, key), instance, findings)
    later = _Later(axes_named(fields.get("each")), first_coordinates(instance.outer))
    if isinstance(fields.get("overrides"), list):
        over = (*base, "overrides")
        fields["overrides"] = [
            {
                key: _in_full(item, (*over, i, key), instance, findings) if key in _WITH_REFERENCES else item
                for key, item in entry.items()
            }
            for i, entry in enumerate(fields["overrides"])
        ]
    layer = Layer(f"template {template.label}", fields, base, template.places)
    return filled_layer(layer, instance.raw, findings, later) if template.parameters else layer


class _Later:
    """The names that are filled in members: the part's own axes, and the coordinates of the instance."""

    def __init__(self, axes: Any, coordinates: str) -> None:
        self._axes = axes
        self._coordinates = coordinates

    def __contains__(self, name: object) -> bool:
        return name == self._coordinates or name in self._axes


def _in_full(value: Any, path: KeyPath, instance: Instance, findings: Findings) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _in_full(item, (*path, key), instance, findings) for key, item in value.items()}
    if kind is list:
        return [_in_full(item, (*path, i), instance, findings) for i, item in enumerate(value)]
    if kind is not str or not value.startswith("."):
        return value
    found = _SIBLING.match(value)
    return value if found is None else _reference(found, path, instance, findings)


def _reference(found: re.Match[str], path: KeyPath, instance: Instance, findings: Findings) -> str:
    parts = instance.template.targets or {}
    name = _target_name(found["name"], instance)
    if name is None:
        otherwise = f'{one_of(parts)}; mark other text as `!literal "{shown(found[0])}"`'
        message = f"`{shown(found[0])}` names no target of the template"
        findings.at_value(path, message, "unknown-target", did_you_mean(found["name"], parts, otherwise))
        return found[0]
    items = [f"${{{first_coordinates(instance.outer)}}}"] if instance.outer else []
    if found["member"] is not None:
        items.append(found["member"])
    return f":{name}{'@' if items else ''}{','.join(items)}{found['rest'] or ''}"


def _target_name(text: str, instance: Instance) -> str | None:
    """The name of the target that a sibling's name stands for; `inner.train` is a part of the part `inner`."""
    parts = instance.template.targets or {}
    if text in parts:
        return instance.name_of(text)
    pieces = text.split(".")
    for count in range(len(pieces) - 1, 0, -1):
        if ".".join(pieces[:count]) in parts:
            return f"{instance.prefix}.{text}"
    return None
