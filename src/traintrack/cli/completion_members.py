"""Coordinates that a begun word may become, from `each` of a family as it is written: an axis or a value at a time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Final

from traintrack.errors import Location, TraintrackError
from traintrack.workspace.axes import Grid
from traintrack.workspace.findings import Findings
from traintrack.workspace.model import KeyPath
from traintrack.workspace.read_each import read_each

MOST_POINTS: Final = 20_000
"""Members that are looked at: nobody reads more values, and a key press has no time."""

MOST_FAMILIES: Final = 8
"""Families that take their axes from one another in a row."""


def members(targets: Mapping[str, Any], name: str, selector: str) -> list[str]:
    """Return what the selector behind the `@` of a family may become, an axis ending with `=`; empty if there is no such family.

    `targets` is the section of the file. Parts of templates are not known without the template.
    """
    grid = _grid(targets, name, MOST_FAMILIES)
    if grid is None:
        return []
    lead, comma, begun = selector.rpartition(",")
    lead += comma
    named = dict(item.partition("=")[::2] for item in lead.split(",") if "=" in item)
    axis, equals, text = begun.partition("=")
    if not equals:
        rest = [f"{one}=" for one in grid.axes if one not in named] + ["*"]
        return [f"{lead}{one}" for one in rest if one.startswith(begun)]
    if axis not in grid.axes or axis in named:
        return []
    number = grid.axes.index(axis)
    points = itertools.islice(grid.matching(named), MOST_POINTS)
    values = dict.fromkeys(point[number].name for point in points)
    return [f"{lead}{axis}={value}" for value in values if value.startswith(text)]


def _grid(targets: Mapping[str, Any], name: str, depth: int) -> Grid | None:
    fields = targets.get(name)
    each = fields.get("each") if isinstance(fields, dict) else None
    if each is None or depth == 0:
        return None

    def other(text: str, path: KeyPath) -> Grid | None:  # noqa: ARG001 - the signature is the reader's
        return _grid(targets, text.removeprefix(":"), depth - 1)

    try:
        return read_each(each, ("each",), Findings(_Nowhere(), []), other)
    except TraintrackError:
        return None


class _Nowhere:
    """Places for errors that nobody is told."""

    def value(self, path: KeyPath) -> Location:  # noqa: ARG002
        """No place."""
        return Location("", 1)

    def key(self, path: KeyPath) -> Location:  # noqa: ARG002
        """No place."""
        return Location("", 1)

    def text(self, path: KeyPath) -> str | None:  # noqa: ARG002
        """No text."""
        return None
