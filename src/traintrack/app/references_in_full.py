"""References as they stand in a target that is written out: what `.` stood for is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from traintrack.label import Label, LabelError, Reference, looks_like_reference, parse_reference
from traintrack.selector import Selector, parse_selector
from traintrack.workspace.model import FamilyOfTargets, Target

FamilyAt = Callable[[Label], FamilyOfTargets | None]
"""Returns the family of a label, None where there is none."""


def in_full(value: Any, target: Target, family_at: FamilyAt) -> Any:
    """Return a value of `args` or `needs` with `:train@.` named as the member that it means for this target.

    Other references stay as they are written, and so do lists of members but for the `.` in them.
    """
    if isinstance(value, dict):
        return {key: in_full(item, target, family_at) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [in_full(item, target, family_at) for item in value]
    if type(value) is not str or "@" not in value or not target.point or not looks_like_reference(value):
        return value
    return _reference(value, target, family_at)


def _reference(text: str, target: Target, family_at: FamilyAt) -> str:
    try:
        reference = parse_reference(text, target.label.package)
        selector = parse_selector(reference.member or "*")
    except LabelError:
        return text  # what is wrong with it is told by who builds the graph
    if not selector.here or reference.ref is not None or reference.label is None:
        return text
    family = family_at(reference.label)
    return text if family is None else _with_coordinates(text, reference, selector, target, family)


def _with_coordinates(
    text: str, reference: Reference, selector: Selector, target: Target, family: FamilyOfTargets
) -> str:
    named = dict(selector.named)
    own = {axis: one.name for axis, one in zip(target.axes, target.point, strict=True)}
    shared = {axis: own[axis] for axis in family.axes if axis in own and axis not in named}
    known = [f"{axis}={value}" for axis, value in ((axis, (named | shared).get(axis)) for axis in family.axes) if value]
    items = [*known, *(f"{axis}={named[axis]}" for axis in named if axis not in family.axes)]
    head, _, tail = text.partition(f"@{reference.member}")
    return f"{head}@{','.join([*items, *(['*'] if selector.rest else [])])}{tail}"
