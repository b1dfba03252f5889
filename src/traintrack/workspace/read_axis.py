"""One axis of `each`: its values as they are written, a bundle, or what generates them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from traintrack.label import is_segment
from traintrack.workspace.axes import Coordinate, Point
from traintrack.workspace.coordinate_names import name_of, shown_as
from traintrack.workspace.dates import read_dates
from traintrack.workspace.findings import Findings, described, shown
from traintrack.workspace.model import KeyPath, Literal
from traintrack.workspace.ranges import read_range

RESERVED: Final = ("sample", "range", "dates")
"""Words that are no names of axes: they generate values."""

_GENERATORS: Final = frozenset(RESERVED)
_SEGMENT_HINT: Final = "use `A-Z a-z 0-9 _ . + -`"


def read_axis(value: Any, path: KeyPath, findings: Findings) -> Sequence[Point] | None:
    """Read the values of the axis that `path` ends in, as rows of one coordinate; what is wrong is noted."""
    if type(value) is list:
        return _listed(value, path, findings)
    if type(value) is dict:
        return _generated(value, path, findings) if _GENERATORS.intersection(value) else _bundle(value, path, findings)
    hint = f"write a list: `{shown(str(path[-1]))}: [{_written(value)}]`"
    findings.wrong_type(value, path, "a list of values, or a map", hint)
    return None


def read_value(value: Any, path: KeyPath, findings: Findings) -> Sequence[Point] | None:
    """Read an axis as it stands in a union of grids, where a single value is a list of one."""
    if type(value) is list or type(value) is dict:
        return read_axis(value, path, findings)
    coordinate = _coordinate(value, path, findings)
    return None if coordinate is None else ((coordinate,),)


def check_axis_name(path: KeyPath, findings: Findings) -> None:
    """Note that the key which `path` ends in cannot be the name of an axis."""
    name = str(path[-1])
    if name in RESERVED:
        hint = f"name the axis: `each: {{NAME: {{{name}: …}}}}`"
        findings.at_key(path, f"`{name}` generates values, it is no axis", "bad-name", hint)
    elif not is_segment(name):
        findings.at_key(path, f"`{shown(name)}` cannot be an axis", "bad-name", _SEGMENT_HINT)


def _listed(values: Sequence[Any], path: KeyPath, findings: Findings) -> Sequence[Point] | None:
    if not values:
        findings.at_value(
            path, f"axis `{shown(str(path[-1]))}` has no value", "empty-axis", "write one, or take it out"
        )
        return None
    rows: dict[str, Point] = {}
    before = len(findings.errors)
    for i, value in enumerate(values):
        name = name_of(value)
        if name is None or name in rows:
            _refuse_value(value, (*path, i), findings, rows.get(name or ""))
            continue
        rows[name] = (Coordinate(name, value, shown_as(value, name)),)
    return tuple(rows.values()) if len(findings.errors) == before else None


def _refuse_value(value: Any, path: KeyPath, findings: Findings, same: Point | None) -> None:
    if same is None:
        _unnamable(value, path, findings)
        return
    old = same[0].value
    axis = shown(str(path[-2]))
    if type(old) is type(value) and old == value:
        message = f"{described(value)} is there twice in axis `{axis}`"
        findings.at_value(path, message, "same-name", "remove one of them")
        return
    message = f"{_kind(old)} and {_kind(value)} of axis `{axis}` are both named `{shown(same[0].name)}`"
    hint = f"name them: `{axis}: {{NAME: {_written(old)}, OTHER: {_written(value)}}}`"
    findings.at_value(path, message, "same-name", hint)


def _unnamable(value: Any, path: KeyPath, findings: Findings) -> None:
    axis = shown(str(path[-2] if isinstance(path[-1], int) else path[-1]))
    hint = f"name it: `{axis}: {{NAME: {_written(value)}}}`"
    findings.at_value(path, f"{described(value)} of axis `{axis}` cannot be named", "unnamable-value", hint)


def _coordinate(value: Any, path: KeyPath, findings: Findings) -> Coordinate | None:
    name = name_of(value)
    if name is None:
        _unnamable(value, path, findings)
        return None
    return Coordinate(name, value, shown_as(value, name))


def _generated(value: Mapping[str, Any], path: KeyPath, findings: Findings) -> Sequence[Point] | None:
    word = next(key for key in value if key in _GENERATORS)
    if word == "sample":
        hint = "write it beside the axes: `each: {sample: {n: 20, lr: {log: [1e-5, 1e-2]}}}`"
        findings.at_key((*path, word), "`sample` is no value of an axis", "bad-axis", hint)
        return None
    if len(value) > 1:
        hint = "write its bounds below it; in a bundle choose another name"
        findings.at_key((*path, word), f"`{word}` stands alone in its map", "bad-axis", hint)
        return None
    read = read_range if word == "range" else read_dates
    return read(value[word], (*path, word), findings)


def _bundle(value: Mapping[str, Any], path: KeyPath, findings: Findings) -> Sequence[Point] | None:
    if not value:
        findings.at_value(
            path, f"axis `{shown(str(path[-1]))}` has no value", "empty-axis", "write one, or take it out"
        )
        return None
    wrong = [name for name in value if not is_segment(name)]
    for name in wrong:
        message = f"`{shown(name)}` cannot name a value of an axis"
        findings.at_key((*path, name), message, "bad-name", _SEGMENT_HINT)
    if wrong:
        return None
    return tuple((Coordinate(name, inner, shown_as(inner, name)),) for name, inner in value.items())


def _kind(value: Any) -> str:
    """What a value is, with what tells it from one of the same name."""
    if isinstance(value, Literal):
        return f'`!literal "{shown(value.text)}"`'
    return f"the text {described(value)}" if isinstance(value, str) and "/" not in value else described(value)


def _written(value: Any) -> str:
    """A value as it can be written into a hint, in flow style."""
    if value is None:
        return "…"
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        return "[…]"
    if isinstance(value, Literal):
        return f'!literal "{shown(value.text)}"'
    return f'"{shown(value)}"' if isinstance(value, str) else described(value).strip("`")
