"""What the text of a label tells of its family: `//a:train@lr=0.1,depth=18` is a member of `//a:train`.

Views count and fold with these alone; what a selector means is said in `selector.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import TypeVar

_Row = TypeVar("_Row")

_ALL = "@*"


def family_of(label_text: str) -> str | None:
    """Return the label before the coordinates, None if the label is no member's."""
    family, _, coordinates = label_text.partition("@")
    return family if family and "=" in coordinates else None


def coordinates_text(label_text: str) -> str:
    """Return the coordinates of a member as written, `lr=0.1,depth=18`; empty for any other label."""
    return label_text.partition("@")[2] if family_of(label_text) is not None else ""


def coordinates_of(label_text: str) -> tuple[tuple[str, str], ...]:
    """Return axis and value of each coordinate, in the order of the axes; empty for any other label."""
    text = coordinates_text(label_text)
    pairs = (item.partition("=") for item in text.split(",")) if text else ()
    return tuple((axis, value) for axis, _, value in pairs)


def short_name(label_text: str) -> str:
    """Return a member without its package, `train@lr=0.1`; any other label as it is."""
    return label_text if family_of(label_text) is None else label_text.partition(":")[2]


def row_name(label_text: str) -> str:
    """Return the name of the row that the label is told in: `//a:train@*` for a member, else the label."""
    family = family_of(label_text)
    return label_text if family is None else f"{family}{_ALL}"


def by_row(rows: Iterable[_Row], label_of: Callable[[_Row], str]) -> dict[str, list[_Row]]:
    """Group rows by the name of the row that they are told in, in the order of the first of each."""
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(row_name(label_of(row)), []).append(row)
    return found


def axes_text(labels: Sequence[str]) -> str:
    """Spell the axes of members, with their sizes where the members are their whole product: `lr × depth (2 × 3)`."""
    points = [coordinates_of(label) for label in labels]
    values: dict[str, set[str]] = {}
    for point in points:
        for axis, value in point:
            values.setdefault(axis, set()).add(value)
    names, sizes = " × ".join(values), [len(some) for some in values.values()]
    if len(sizes) < 2 or prod(sizes) != len(labels) or any(len(point) != len(sizes) for point in points):
        return names
    return f"{names} ({' × '.join(str(size) for size in sizes)})"
