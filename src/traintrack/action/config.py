"""CONFIG_YAML: JSON text that every reader of YAML 1.1, YAML 1.2 and JSON reads as the same values (DESIGN 3.3)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from traintrack.action.action import Action
from traintrack.digest import JsonValue, float_text

MAX_KEY_LENGTH = 256
"""Argument keys beyond this are refused at load: YAML readers limit simple keys to 1,024 characters."""

_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def render_config(action: Action, paths: Mapping[tuple[str | int, ...], str]) -> bytes:
    """Return CONFIG_YAML of the action with `paths` filled in at each input's `arg_path`.

    Keys sorted, floats always with a point and a signed exponent, two blanks of indentation.

    Raises:
        KeyError: an input has no path.
    """
    config = _copied(action.config)
    for item in action.inputs:
        _set(config, item.arg_path, paths[item.arg_path])
    return (_text(config, "") + "\n").encode("utf-8")


def _copied(value: JsonValue) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    return [_copied(item) for item in value]


def _set(config: Any, arg_path: tuple[str | int, ...], path: str) -> None:
    for part in arg_path[:-1]:
        config = config[part]
    config[arg_path[-1]] = path


def _text(value: Any, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(value, dict):
        if not value:
            return "{}"
        rows = [f"{deeper}{_string(key)}: {_text(value[key], deeper)}" for key in sorted(value)]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list):
        if not value:
            return "[]"
        return "[\n" + ",\n".join(deeper + _text(item, deeper) for item in value) + f"\n{indent}]"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float):
        return float_text(value)
    return json.dumps(value)


def _string(text: str) -> str:
    return _ESCAPED.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))
