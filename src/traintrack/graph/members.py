"""Which members of a family a reference means: one, or those that a fan-in lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from traintrack.digest import canonical_json
from traintrack.label import LabelError, same_coordinate
from traintrack.selector import Selector, parse_selector
from traintrack.workspace.coordinate_names import name_of
from traintrack.workspace.model import FamilyOfTargets, Literal, Target
from traintrack.workspace.suggest import did_you_mean, one_of

if TYPE_CHECKING:
    from traintrack.workspace.axes import Coordinate


class MemberError(LabelError):
    """A reference means no members; the message says why, `hint` what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Meant(Struct, frozen=True):
    """Members of a family. `at` has what a task sees of each where they are a list, None where one is meant alone.

    The rows of a list are sorted by the canonical JSON of `at`, which holds the axes that the selector leaves open.
    """

    members: tuple[Target, ...]
    at: tuple[Mapping[str, Any], ...] | None = None


def members_meant(family: FamilyOfTargets, member: str | None, text: str, consumer: Target) -> Meant:
    """Return what a reference to a family means where it stands in `consumer`.

    `member` is the selector behind the `@`, None where there is none; `text` the reference without sub-path, for messages.

    Raises:
        MemberError: it means none, or does not say which.
        InputError: a member is wrong.
    """
    if member is None:
        raise MemberError(f"`{text}` is a family of {len(family):,}", _forms(text))
    selector = parse_selector(member)
    pinned = _pinned(family, selector, text, consumer)
    open_axes = [axis for axis in family.axes if axis not in pinned]
    if selector.rest:
        return _listed(family, pinned, open_axes, text)
    if open_axes:
        left = " and ".join(f"`{axis}`" for axis in open_axes)
        raise MemberError(f"`{text}` leaves {left} open", f'write `"{text},*"` for a list of all of them')
    found = family.find(pinned)
    if found is None:
        raise MemberError(f"`{text}` is no member: {_why_none(family, pinned)}", _known_values(family, pinned))
    return Meant((found,))


def left_out(meant: Meant, exceptions: Sequence[Mapping[str, Any]]) -> tuple[Meant, list[int]]:
    """Take members out of a list by their coordinates; the second part are the exceptions that match none."""
    names = [_coordinates(one) for one in meant.members]
    known: dict[str, dict[str, None]] = {}
    for own in names:
        for axis, name in own.items():
            known.setdefault(axis, {})[name] = None
    gone: set[int] = set()
    idle = []
    for number, exception in enumerate(exceptions):
        wanted = [(axis, _resolved(value, known.get(axis, {}))) for axis, value in exception.items()]
        hit = [i for i, own in enumerate(names) if all(name and own.get(axis) == name for axis, name in wanted)]
        gone.update(hit)
        if not hit:
            idle.append(number)
    at = meant.at or ()
    kept = [i for i in range(len(meant.members)) if i not in gone]
    return Meant(tuple(meant.members[i] for i in kept), tuple(at[i] for i in kept)), idle


def _resolved(value: Any, known: Mapping[str, None]) -> str | None:
    """The name of a coordinate as somebody wrote it: spelled in the same way, else of the same number."""
    text = name_of(value)
    if text is None or text in known:
        return text
    return next((name for name in known if same_coordinate(text, name)), None)


def _pinned(family: FamilyOfTargets, selector: Selector, text: str, consumer: Target) -> dict[str, str]:
    pinned = dict(selector.named)
    for axis in pinned:
        if axis not in family.axes:
            hint = did_you_mean(axis, family.axes, one_of(family.axes))
            raise MemberError(f"`{family.label}` has no axis `{axis}`", hint)
    if selector.here:
        own = _coordinates(consumer)
        shared = [axis for axis in family.axes if axis in own and axis not in pinned]
        if not shared:
            raise MemberError(
                f"`{text}` has `.`, and `:{consumer.label.name}` shares no axis with `{family.label}`", _forms(text)
            )
        pinned |= {axis: own[axis] for axis in shared}
    return pinned


def _listed(family: FamilyOfTargets, pinned: Mapping[str, str], open_axes: Sequence[str], text: str) -> Meant:
    members = list(family.matching(pinned))
    if not members:
        raise MemberError(f"`{text}` selects no member: {_why_none(family, pinned)}", _known_values(family, pinned))
    numbers = [family.axes.index(axis) for axis in open_axes]
    rows = []
    for member in members:
        at = {axis: _plain(member.point[i]) for axis, i in zip(open_axes, numbers, strict=True)}
        rows.append((canonical_json(at), at, member))
    rows.sort(key=lambda row: row[0])
    return Meant(tuple(member for _, _, member in rows), tuple(at for _, at, _ in rows))


def _coordinates(target: Target) -> dict[str, str]:
    return {axis: one.name for axis, one in zip(target.axes, target.point, strict=True)}


def _plain(coordinate: Coordinate) -> Any:
    shown = coordinate.shown
    return shown.text if isinstance(shown, Literal) else shown


def _why_none(family: FamilyOfTargets, pinned: Mapping[str, str]) -> str:
    axis = _first_unknown(family, pinned)
    return "there is no such combination" if axis is None else f"no `{axis}` is {pinned[axis]}"


def _known_values(family: FamilyOfTargets, pinned: Mapping[str, str]) -> str:
    axis = _first_unknown(family, pinned)
    if axis is None:
        return f"`traintrack ls '{family.label}'` shows the members"
    values = _names_on(family, axis)
    return did_you_mean(pinned[axis], values, one_of(values))


def _first_unknown(family: FamilyOfTargets, pinned: Mapping[str, str]) -> str | None:
    return next((axis for axis, value in pinned.items() if not _any(family.points_at({axis: value}))), None)


def _names_on(family: FamilyOfTargets, axis: str) -> list[str]:
    number = family.axes.index(axis)
    return list(dict.fromkeys(point[number].name for point in family.points_at({})))


def _any(points: Iterable[object]) -> bool:
    return next(iter(points), None) is not None


def _forms(text: str) -> str:
    base = text.partition("@")[0]
    return (
        f'write `"{base}@*"` for a list of all, `"{base}@axis=value,*"` for a part of them, '
        f'or `"{base}@."` for the one at the same coordinates'
    )
