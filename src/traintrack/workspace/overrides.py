"""`overrides`: fields for some members of a family, matched by their coordinates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from traintrack.workspace.axes import Grid
from traintrack.workspace.coordinate_names import name_of
from traintrack.workspace.findings import Findings, described, shown
from traintrack.workspace.model import KeyPath, Layer, Places
from traintrack.workspace.suggest import did_you_mean, one_of

_REFINES: Final = "an override refines members that exist"


class Override(Struct, frozen=True):
    """Fields for the members whose coordinate on each axis of `match` has one of the names given."""

    match: Mapping[str, tuple[str, ...]]
    layer: Layer

    def matches(self, axes: Sequence[str], names: Sequence[str]) -> bool:
        """Tell if it is for the member with these coordinates, in the order of the axes."""
        coordinates = dict(zip(axes, names, strict=True))
        return all(coordinates[axis] in wanted for axis, wanted in self.match.items())


def read_overrides(value: Any, base: KeyPath, places: Places, grid: Grid, findings: Findings) -> tuple[Override, ...]:
    """Return the overrides of a family; what matches no member is noted. Their fields have been checked."""
    found = []
    for i, entry in enumerate(value if isinstance(value, list) else []):
        path = (*base, i)
        fields = {key: item for key, item in entry.items() if key != "match"}
        match = _named(entry.get("match", {}), (*path, "match"), grid, findings)
        if match is not None:
            found.append(Override(match, Layer(f"overrides[{i}]", fields, path, places)))
    return tuple(found)


def _named(
    written: Mapping[str, Any], path: KeyPath, grid: Grid, findings: Findings
) -> Mapping[str, tuple[str, ...]] | None:
    """Return what is matched by the names of coordinates, None if it matches no member, which is noted."""
    before = len(findings.errors)
    match = {}
    for axis, wanted in written.items():
        if axis not in grid.axes:
            hint = did_you_mean(axis, grid.axes, one_of(grid.axes))
            findings.at_key((*path, axis), f"the family has no axis `{shown(axis)}`", "unknown-axis", hint)
            continue
        values = list(enumerate(wanted)) if isinstance(wanted, list) else [(None, wanted)]
        names = [
            _name(value, axis, (*path, axis) if i is None else (*path, axis, i), grid, findings) for i, value in values
        ]
        match[axis] = tuple(name for name in names if name is not None)
    if len(findings.errors) == before and not _is_combined(match, grid):
        text = ", ".join(f"{axis}={'|'.join(names)}" for axis, names in match.items())
        findings.at_value(path, f"no member has `{shown(text)}` together", "unknown-coordinate", _REFINES)
    return match if len(findings.errors) == before else None


def _name(value: Any, axis: str, path: KeyPath, grid: Grid, findings: Findings) -> str | None:
    """The name of a coordinate, from how it is written: `1e-1` is called `0.1`."""
    text = name_of(value)
    point = next(grid.matching({axis: text}), None) if text else None
    if point is not None:
        return point[grid.axes.index(axis)].name
    written = described(value) if text is None else f"`{axis}={shown(text)}`"
    message = f"no member has {written}" if text is not None else f"{written} names no value of axis `{axis}`"
    findings.at_value(path, message, "unknown-coordinate", _REFINES)
    return None


def _is_combined(match: Mapping[str, tuple[str, ...]], grid: Grid) -> bool:
    """Tell if a member has coordinates that are matched apart. In a union of grids it may be that none has."""
    if not all(match.values()):
        return False
    if grid.count() < math.prod(map(len, match.values())):
        numbers = [(grid.axes.index(axis), frozenset(names)) for axis, names in match.items()]
        return any(all(point[i].name in names for i, names in numbers) for point in grid.points())
    combined = (dict(zip(match, names, strict=True)) for names in itertools.product(*match.values()))
    return any(next(grid.matching(one), None) is not None for one in combined)
