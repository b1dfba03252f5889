"""Values as flow YAML that the dialect reads back as the same: one line each, quoted where plain text would be another value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from traintrack.app.adopt_yaml import yaml_value
from traintrack.workspace.model import Literal

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)*\Z", re.ASCII)
_OTHER_VALUES = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
# What JSON leaves as it is and a file of the workspace may not hold (docs/reference/yaml-dialect.md).
_NOT_IN_FILES = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def flow_value(value: Any) -> str:
    """Return a value as it may stand anywhere in a flow list or map: a scalar, a `Literal`, a list or a map of such."""
    if isinstance(value, str):
        return flow_text(value)
    if isinstance(value, Literal):
        return f"!literal {_quoted(value.text)}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{flow_text(key)}: {flow_value(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(flow_value(item) for item in value)}]"
    return yaml_value(value)


def flow_text(text: str) -> str:
    """Return a text, or a key, plain where it stays one."""
    if _PLAIN.match(text) and text.lower() not in _OTHER_VALUES:
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    return _NOT_IN_FILES.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
