"""The names of coordinates: what a value of an axis is called in labels, `0.0001` in `:train@lr=0.0001`."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from traintrack.label import is_segment, looks_like_reference
from traintrack.workspace.model import Literal

_WORDS: Final = {None: "null", True: "true", False: "false"}
_BETWEEN = re.compile(r"[/:]")
_BETWEEN_IN_REFERENCE = re.compile(r"[/:#]")


def name_of(value: Any) -> str | None:
    """Return the name of a value; None if it cannot be named.

    Numbers are named by their digits (floats by the shortest that read back), texts that are segments by themselves,
    labels and texts with `/` or `:` by their last segment.
    """
    kind = type(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else None
    if kind is str:
        return _name_of_text(value)
    if kind is int:
        return str(value)
    if kind is Literal:
        return _name_of_text(value.text)
    return _WORDS[value] if value is None or kind is bool else None


def shown_as(value: Any, name: str) -> Any:
    """Return what a task sees of a coordinate: the scalar or text itself, the name of a bundle or of a label."""
    if isinstance(value, Literal):
        return value.text
    if isinstance(value, dict | list) or (isinstance(value, str) and looks_like_reference(value)):
        return name
    return value


def _name_of_text(text: str) -> str | None:
    if "/" in text or ":" in text:
        between = _BETWEEN_IN_REFERENCE if looks_like_reference(text) else _BETWEEN
        text = between.split(text.rstrip("/"))[-1]
    return text if is_segment(text) else None
