"""`overrides`: fields for some members of a family, matched by their coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from traintrack.label import same_coordinate
from traintrack.workspace.axes import Grid
from traintrack.workspace.coordinate_names import name_of
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.model import KeyPath, Layer, Places
from traintrack.workspace.suggest import did_you_mean, one_of


class Override(Struct, frozen=True):
    """Fields for the members whose coordinate on each axis of `match` is one of those given, by name."""

    match: Mapping[str, tuple[str, ...]]
    layer: Layer

    def matches(self, axes: Sequence[str], names: Sequence[str]) -> bool:
        """Tell if it is for the member with these coordinates, in the order of the axes."""
        coordinates = dict(zip(axes, names, strict=True))
        return all(
            any(same_coordinate(text, coordinates[axis]) for text in texts) for axis, texts in self.match.items()
        )


def read_overrides(value: Any, base: KeyPath, places: Places, grid: Grid, findings: Findings) -> tuple[Override, ...]:
    """Return the overrides of a family; what matches no member is noted. Their fields have been checked."""
    found = []
    for i, entry in enumerate(value if isinstance(value, list) else []):
        path = (*base, i)
        fields = {key: item for key, item in entry.items() if key != "match"}
        match = {
            axis: tuple(name_of(one) or "" for one in (wanted if isinstance(wanted, list) else [wanted]))
            for axis, wanted in entry.get("match", {}).items()
        }
        if _is_known(match, (*path, "match"), grid, findings):
            found.append(Override(match, Layer(f"overrides[{i}]", fields, path, places)))
    return tuple(found)


def _is_known(match: Mapping[str, tuple[str, ...]], path: KeyPath, grid: Grid, findings: Findings) -> bool:
    known = True
    for axis, texts in match.items():
        if axis not in grid.axes:
            hint = did_you_mean(axis, grid.axes, one_of(grid.axes))
            findings.at_key((*path, axis), f"the family has no axis `{shown(axis)}`", "unknown-axis", hint)
            known = False
            continue
        for text in texts:
            if next(grid.matching({axis: text}), None) is None:
                message = f"no member has `{axis}={shown(text)}`"
                findings.at_value(
                    (*path, axis), message, "unknown-coordinate", "an override refines members that exist"
                )
                known = False
    return known
