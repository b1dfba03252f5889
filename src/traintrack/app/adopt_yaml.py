"""Values of a program as text of a TT*.yaml file: what it has as text stays text, whatever it looks like."""

from __future__ import annotations

from typing import Any

from traintrack.app.flow_yaml import flow_text, flow_value
from traintrack.app.wrap_options import Constant
from traintrack.workspace.model import Literal

_REFERENCES = (":", "//", "@")


def yaml_value(value: Constant) -> str:
    """Return a value as it stands behind a key, on one line; a text that looks like a reference or an axis stays a text."""
    return flow_value(_as_text(value))


def yaml_key(name: str) -> str:
    """Return a key."""
    return flow_text(name)


def yaml_paths(paths: tuple[str, ...]) -> str:
    """Return a list of paths on one line."""
    return yaml_value(paths)


def _as_text(value: Constant) -> Any:
    if isinstance(value, str):
        return Literal(value) if value.startswith(_REFERENCES) or "${" in value else value
    return [_as_text(item) for item in value] if isinstance(value, list | tuple) else value
