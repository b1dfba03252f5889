"""Values as text of a TT*.yaml file: plain where that is the same value, quoted where not."""

from __future__ import annotations

import json
import re

from traintrack.app.wrap_options import Constant

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*\Z", re.ASCII)
_OTHER_VALUES = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_REFERENCES = (":", "//", "@")


def yaml_value(value: Constant) -> str:
    """Return a value as it stands behind a key, on one line; a text that looks like a reference or an axis stays a text."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return json.dumps(value)
    return f"[{', '.join(yaml_value(item) for item in value)}]"


def yaml_key(name: str) -> str:
    """Return a key."""
    return name if _PLAIN.match(name) and name.lower() not in _OTHER_VALUES else json.dumps(name)


def yaml_paths(paths: tuple[str, ...]) -> str:
    """Return a list of paths on one line."""
    return f"[{', '.join(_text(path) for path in paths)}]"


def _text(value: str) -> str:
    if _PLAIN.match(value) and value.lower() not in _OTHER_VALUES:
        return value
    quoted = json.dumps(value)
    return f"!literal {quoted}" if value.startswith(_REFERENCES) or "${" in value else quoted


def _float(value: float) -> str:
    text = repr(value)
    mantissa, exponent_mark, exponent = text.partition("e")
    return text if not exponent_mark or "." in mantissa else f"{mantissa}.0e{exponent}"
