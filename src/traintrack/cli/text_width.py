"""How wide a text stands on a terminal."""

from __future__ import annotations

import unicodedata


def text_width(text: str) -> int:
    """Count the columns that a terminal gives to printable text: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )


def padded(text: str, width: int) -> str:
    """Return the text with blanks behind it up to a width."""
    return text + " " * (width - text_width(text))
