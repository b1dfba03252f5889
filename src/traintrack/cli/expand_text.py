"""What `expand` answers, as YAML of our dialect and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from traintrack.app.expand import ExpandedTarget, Expansion, Folded
from traintrack.app.flow_yaml import flow_text, flow_value
from traintrack.cli.call import JsonValue
from traintrack.cli.line import Line, faint
from traintrack.cli.quantity import count_text
from traintrack.cli.render import place_fields
from traintrack.cli.shell_word import shell_word
from traintrack.cli.with_profile import with_profile
from traintrack.errors import Location
from traintrack.family_name import family_of
from traintrack.workspace.model import Literal

_STEP: Final = "  "
_HOLE: Final = "${"
_MOST_COLUMNS: Final = 64
"""Comments stand below one another, but not behind lines that are longer."""

_Row = tuple[str, str]
"""A line of YAML, and what its comment says."""


def yaml_lines(expansion: Expansion, profile: str | None = None) -> Iterator[Line]:
    """Yield the targets as a document, with a comment behind each value that says where it comes from."""
    folded = {one.label: one for one in expansion.folded}
    yield ("targets:",)
    for target, following in zip(expansion.targets, [*expansion.targets[1:], None], strict=True):
        yield from _parting(target, expansion)
        rows = list(_rows(target))
        width = max((len(text) for text, note in rows if note and len(text) <= _MOST_COLUMNS), default=0)
        for text, note in rows:
            yield (f"{text:<{width}}  ", faint(f"# {note}")) if note else (text,)
        family = family_of(target.label)
        if family in folded and (following is None or family_of(following.label) != family):
            yield (faint(f"{_STEP}# {more_text(folded[family], profile)}"),)


def plain_lines(expansion: Expansion) -> Iterator[Line]:
    """Yield the targets as a document without comments."""
    yield ("targets:",)
    for target in expansion.targets:
        yield from _parting(target, expansion)
        yield from ((text,) for text, _ in _rows(target))


def more_text(folded: Folded, profile: str | None = None) -> str:
    """Say what is not shown of a family, and how to see it."""
    command = with_profile(f"traintrack expand --all {shell_word(folded.label)}", profile)
    return f"and {count_text(folded.members - folded.shown, 'more member')}; to see all: {command}"


def expansion_fields(expansion: Expansion) -> dict[str, JsonValue]:
    """Return the targets as JSON."""
    return {
        "targets": [
            {
                "label": target.label,
                "where": place_fields(target.place),
                "fields": [
                    {
                        "path": list(field.path),
                        "value": _plain(field.value),
                        "where": place_fields(field.place),
                        "origin": field.origin,
                    }
                    for field in target.fields
                ],
            }
            for target in expansion.targets
        ],
        "folded": [{"label": one.label, "shown": one.shown, "members": one.members} for one in expansion.folded],
    }


def _parting(target: ExpandedTarget, expansion: Expansion) -> Iterator[Line]:
    """A blank line before each target but the first."""
    if target is not expansion.targets[0]:
        yield ()


def _rows(target: ExpandedTarget) -> Iterator[_Row]:
    yield f"{_STEP}{json.dumps(target.label)}:", _place_text(target.place, "")
    above: Sequence[str] = ()
    for field in target.fields:
        *outer, last = field.path
        common = next((i for i, key in enumerate(outer) if above[i : i + 1] != (key,)), len(outer))
        for depth in range(common, len(outer)):
            yield f"{_indent(depth)}{flow_text(outer[depth])}:", ""
        above = field.path
        yield (
            f"{_indent(len(outer))}{flow_text(last)}: {flow_value(_escaped(field.value))}",
            _place_text(field.place, field.origin),
        )


def _indent(depth: int) -> str:
    return _STEP * (depth + 2)


def _place_text(place: Location, origin: str) -> str:
    """`a/TTCONFIG.yaml:14 target`; what the command line says has no line."""
    return origin if place.path.startswith("--") else f"{place.path}:{place.line} {origin}".rstrip()


def _escaped(value: Any) -> Any:
    """A value as it is written, so that no `${` in its texts is taken for a hole."""
    if isinstance(value, str):
        return value.replace(_HOLE, f"${_HOLE}")
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    """A value as JSON can say it; marked text gets its mark back."""
    if isinstance(value, Literal):
        return flow_value(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
