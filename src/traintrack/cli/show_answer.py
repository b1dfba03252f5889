"""What `show` answers, as lines and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from traintrack.app.answers import ShownTarget
from traintrack.app.show_family import AxisShown, ShownFamily
from traintrack.cli.call import JsonValue
from traintrack.cli.line import Line, faint, strong
from traintrack.cli.quantity import count_text, names_text
from traintrack.cli.render import place_fields
from traintrack.cli.shell_word import shell_word

_VALUE_COLUMNS = 48
_KEPT_SHOWN = 5


def show_lines(shown: ShownTarget) -> Iterator[Line]:
    """Yield what the target is, a line for each field and input, and its record."""
    yield (strong(shown.label),)
    yield ("  id       ", shown.id or "not known yet; `traintrack check` says why")
    yield ("  defined  ", str(shown.place))
    if shown.coordinates:
        yield ("  member   ", ", ".join(f"{axis} = {value}" for axis, value in shown.coordinates.items()))
    if shown.path is not None:
        yield ("  result   ", str(shown.path))
    if shown.url is not None:
        yield ("  files    ", shown.url)
    if shown.kept:
        yield (
            "  kept     ",
            names_text(shown.kept, _KEPT_SHOWN),
            faint(f"  traintrack pull {shown.label}/{shown.kept[0]}"),
        )
    if shown.origin is not None:
        yield ("  origin   ", shown.origin)
    yield ()
    width = max((len(field.path) for field in shown.fields), default=0)
    for field in shown.fields:
        value = json.dumps(field.value, ensure_ascii=False)
        source = f"{field.place}  {field.origin}" + (f"  from {field.written}" if field.written is not None else "")
        yield (f"  {field.path:<{width}}  {value:<{_VALUE_COLUMNS}}  ", faint(source))
    if shown.inputs:
        yield ()
        yield (strong("inputs"),)
        yield from ((f"  {where}  {label}",) for where, label in shown.inputs)
    if shown.record is not None:
        yield ()
        yield (strong("record"),)
        yield from ((f"  {line}",) for line in json.dumps(shown.record, indent=2, ensure_ascii=False).splitlines())


def show_fields(shown: ShownTarget) -> dict[str, JsonValue]:
    """Return the target as JSON."""
    return {
        "label": shown.label,
        "id": shown.id,
        "where": place_fields(shown.place),
        "fields": [
            {
                "path": one.path,
                "value": one.value,
                "where": place_fields(one.place),
                "origin": one.origin,
                "written": one.written,
            }
            for one in shown.fields
        ],
        "inputs": [{"where": where, "label": label} for where, label in shown.inputs],
        "preimage": shown.preimage,
        "record": shown.record,
        "path": None if shown.path is None else str(shown.path),
        "origin": shown.origin,
        "url": shown.url,
        "kept": list(shown.kept),
        "coordinates": dict(shown.coordinates),
    }


def family_lines(shown: ShownFamily) -> Iterator[Line]:
    """Yield what a family is, a line for each axis, and the command that shows a member."""
    yield (strong(shown.label),)
    yield ("  family   ", count_text(shown.members, "member"))
    yield ("  defined  ", str(shown.place))
    for template in shown.templates:
        yield ("  made of  ", template.label, faint(f"  {template.place}"))
    yield ()
    width = max(len(axis.name) for axis in shown.axes)
    for axis in shown.axes:
        yield (f"  {axis.name:<{width}}  ", names_text(axis.values, len(axis.values)), faint(_more(axis)))
    yield ()
    yield (f"  traintrack show {shell_word(shown.first[0])}",)


def family_fields(shown: ShownFamily) -> dict[str, JsonValue]:
    """Return a family as JSON."""
    return {
        "label": shown.label,
        "where": place_fields(shown.place),
        "members": shown.members,
        "axes": [{"name": axis.name, "values": list(axis.values), "count": axis.count} for axis in shown.axes],
        "templates": [{"label": one.label, "where": place_fields(one.place)} for one in shown.templates],
        "first": list(shown.first),
    }


def _more(axis: AxisShown) -> str:
    more = axis.count - len(axis.values)
    return f" and {more:,} more" if more else ""
