"""A value of any kind in a few words."""

from __future__ import annotations

import json
import re

_SHOWN_VALUE = 40
_SHOWN_ID = 12
_ID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


def short_value(value: object) -> str:
    """Spell a value: IDs and long texts by their beginning, None as `nothing`."""
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if _ID.match(text):
        return text[:_SHOWN_ID]
    return text if len(text) <= _SHOWN_VALUE else f"{text[: _SHOWN_VALUE - 1]}…"
