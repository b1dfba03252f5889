"""Values as flow YAML that the dialect reads back as the same: one line each, quoted where plain text would be another value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from traintrack.workspace.document import REMOVE
from traintrack.workspace.model import Literal

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*\Z", re.ASCII)
_OTHER_VALUES = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_REMOVE: Final = "!remove"
# What JSON leaves as it is and a file of the workspace may not hold (docs/reference/yaml-dialect.md).
_NOT_IN_FILES = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def flow_value(value: Any) -> str:
    """Return a value as it may stand anywhere in a flow list or map: a scalar, a mark, a list or a map of such."""
    if isinstance(value, str):
        return flow_text(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(_entry(key, item) for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(flow_value(item) for item in value)}]"
    if isinstance(value, Literal):
        return f"!literal {_quoted(value.text)}"
    if value is REMOVE:
        return _REMOVE
    return _float(value) if isinstance(value, float) else json.dumps(value)


def flow_text(text: str) -> str:
    """Return a text, or a key, plain where it stays one."""
    return text if _PLAIN.match(text) and text.lower() not in _OTHER_VALUES else _quoted(text)


def _entry(key: str, item: Any) -> str:
    # Without the blank the tag would take the brace or comma behind it for a part of itself.
    return f"{flow_text(str(key))}: {flow_value(item)}{' ' if item is REMOVE else ''}"


def _quoted(text: str) -> str:
    return _NOT_IN_FILES.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _float(value: float) -> str:
    text = repr(value)
    mantissa, exponent_mark, exponent = text.partition("e")
    return text if not exponent_mark or "." in mantissa else f"{mantissa}.0e{exponent}"
