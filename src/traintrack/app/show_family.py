"""`show` of a family: its axes, how many members it has, and where all that was written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from msgspec import Struct

from traintrack.app.project import Project, parse_patterns
from traintrack.errors import Location
from traintrack.label import Label
from traintrack.workspace.model import FamilyOfTargets, Target

VALUES_SHOWN: Final = 8
MEMBERS_SHOWN: Final = 3


class AxisShown(Struct, frozen=True):
    """An axis: the first of its values by name, and how many there are."""

    name: str
    values: tuple[str, ...]
    count: int


class TemplateShown(Struct, frozen=True):
    """A template that the members are made of."""

    label: str
    place: Location


class ShownFamily(Struct, frozen=True):
    """A family; `first` are the labels of its first members."""

    label: str
    place: Location
    members: int
    axes: tuple[AxisShown, ...]
    templates: tuple[TemplateShown, ...]
    first: tuple[str, ...]


def show_family(project: Project, text: str) -> ShownFamily | None:
    """Return the family that a text names, None if it names something else; makes one member of it.

    Raises:
        UsageError: the text is no pattern.
        InputError: the experiment, or the family, is wrong.
    """
    [pattern] = parse_patterns(project, [text])
    if pattern.name is None or pattern.exclude or not project.loader.exists(pattern.package):
        return None
    family = project.loader.experiment(pattern.package).families.get(pattern.name)
    return None if family is None else _shown(family)


def _shown(family: FamilyOfTargets) -> ShownFamily:
    values: dict[str, dict[str, None]] = {axis: {} for axis in family.axes}
    for point in family.points_at({}):
        for axis, one in zip(family.axes, point, strict=True):
            values[axis].setdefault(one.name)
    axes = tuple(AxisShown(axis, tuple(islice(names, VALUES_SHOWN)), len(names)) for axis, names in values.items())
    first = tuple(islice(_labels(family), MEMBERS_SHOWN))
    templates = tuple(dict.fromkeys(_templates(next(iter(family.matching({}))))))
    return ShownFamily(str(family.label), family.place, len(family), axes, templates, first)


def _labels(family: FamilyOfTargets) -> Iterator[str]:
    for point in family.points_at({}):
        coordinates = ",".join(f"{axis}={one.name}" for axis, one in zip(family.axes, point, strict=True))
        yield str(Label(family.label.package, f"{family.label.name}@{coordinates}"))


def _templates(member: Target) -> Iterator[TemplateShown]:
    for layer in member.layers:
        word, _, label = layer.origin.partition(" ")
        if word == "template":
            yield TemplateShown(label, layer.places.key(layer.base[:2]))
