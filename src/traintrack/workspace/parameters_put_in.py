"""The parameters of a template put into its fields, each as it was written: holes in them stay holes."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Final

from traintrack.workspace.findings import Findings
from traintrack.workspace.interpolate import (
    TOKEN,
    Hole,
    HoleError,
    field_of,
    has_holes,
    hole_of,
    never_closed,
    text_of,
    unknown_name,
)
from traintrack.workspace.merged_places import MergedPlaces
from traintrack.workspace.model import KeyPath, Layer, Literal
from traintrack.workspace.target_fields import check_declared

_MARK: Final = "${"
_SPELLED: Final = frozenset({int, float, bool, Literal})


def filled_layer(layer: Layer, raw: Mapping[str, Any], findings: Findings, later: Container[str]) -> Layer:
    """Return the layer of a template with its parameters put in, checked where that left no hole.

    `findings` are those of the layer's document. `later` are the names that are filled in afterwards.
    """
    before = len(findings.errors)
    fields: dict[str, Any] = with_parameters(layer.fields, raw, layer.base, findings, later)
    if "env" in fields:
        fields["env"] = env_as_text(fields["env"], layer.fields["env"])
    filled = Layer(layer.origin, fields, layer.base, layer.places)
    closed = {key: value for key, value in fields.items() if has_holes(layer.fields[key]) and not has_holes(value)}
    if closed and len(findings.errors) == before:
        places = MergedPlaces((filled,), fields)
        fields.update(check_declared(closed, (), Findings(places, findings.errors), "the template", {}))
    return filled


def env_as_text(filled: Any, written: Any) -> Any:
    """Return variables as text: what came out of a hole alone is spelled."""
    if type(filled) is not dict or type(written) is not dict:
        return filled
    return {
        name: text_of(value) if type(value) in _SPELLED and has_holes(written.get(name)) else value
        for name, value in filled.items()
    }


def with_parameters(
    value: Any, raw: Mapping[str, Any], path: KeyPath, findings: Findings, later: Container[str]
) -> Any:
    """Return a value of a template with its parameters put in, each as it was written: holes in them stay holes.

    `later` are the names that are filled in afterwards. A name in neither is noted.
    """
    kind = type(value)
    if kind is dict:
        return {key: with_parameters(item, raw, (*path, key), findings, later) for key, item in value.items()}
    if kind is list:
        return [with_parameters(item, raw, (*path, i), findings, later) for i, item in enumerate(value)]
    if kind is not str or _MARK not in value:
        return value
    try:
        return _text_with_parameters(value, raw, later)
    except HoleError as error:
        findings.at_value(path, str(error), "interpolation", error.hint)
        return value


def _text_with_parameters(text: str, raw: Mapping[str, Any], later: Container[str]) -> Any:
    parts = _raw_parts(text, raw, later)
    if len(parts) == 1 and isinstance(parts[0], Hole):
        return _raw_value(parts[0], raw)
    texts = [part if isinstance(part, str) else _raw_text(_raw_value(part, raw)) for part in parts]
    joined = "".join(texts)
    if _tokens(joined) != [token for one in texts for token in _tokens(one)]:
        raise HoleError(
            "a `$` from one place and a `{` from another would make a hole", "pass the whole text as one parameter"
        )
    return joined


def _tokens(text: str) -> list[str]:
    return [found[0] for found in TOKEN.finditer(text)]


def _raw_parts(text: str, raw: Mapping[str, Any], later: Container[str]) -> list[str | Hole]:
    """Split a text as `parts_of`, with escapes and the holes that are filled later left as they are written."""
    parts: list[str | Hole] = []
    at = 0
    for found in TOKEN.finditer(text):
        if found[0] == "$${":
            continue
        if found[1] is None:
            raise never_closed()
        hole = hole_of(found[1], raw)
        if hole.name not in raw:
            if hole_of(found[1], later).name not in later:
                raise unknown_name(hole, list(raw))
            continue
        parts += [text[at : found.start()], hole]
        at = found.end()
    parts.append(text[at:])
    return [part for part in parts if part != ""]


def _raw_value(hole: Hole, raw: Mapping[str, Any]) -> Any:
    """What a parameter stands for; the field of one that is itself a hole becomes a field of that hole."""
    value = raw[hole.name]
    if hole.fields and type(value) is str and TOKEN.fullmatch(value) and value.startswith(_MARK):
        return f"{value[:-1]}.{'.'.join(hole.fields)}}}"
    return field_of(value, hole)


def _raw_text(value: Any) -> str:
    return value.text.replace(_MARK, "$${") if isinstance(value, Literal) else text_of(value)
