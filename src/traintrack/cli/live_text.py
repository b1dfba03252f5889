"""Lines cut to the columns of a terminal; wide characters take two, combining ones none."""

from __future__ import annotations

import re
import unicodedata

from traintrack.cli.line import Line, Painted, visible

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_UNSEEN = frozenset(("Mn", "Me", "Cf"))


def columns_of(text: str) -> int:
    """Count the columns that a terminal gives to a text; colours take none (Unicode UAX 11)."""
    if "\x1b" in text:
        text = _SEQUENCE.sub("", text)
    return len(text) if text.isascii() else sum(map(_columns_of_one, text))


def clipped(line: Line, columns: int, ellipsis: str = "…") -> Line:
    """Return the line, cut at its end so that it fits; tones are kept, control characters are spelled out."""
    parts = [part._replace(text=visible(part.text)) if isinstance(part, Painted) else visible(part) for part in line]
    if sum(columns_of(_text(part)) for part in parts) <= columns:
        return tuple(parts)
    left = columns - len(ellipsis)
    kept: list[str | Painted] = []
    for part in parts:
        text = _head(_text(part), left)
        left -= columns_of(text)
        kept.append(part._replace(text=text) if isinstance(part, Painted) else text)
        if text != _text(part):
            break
    return (*kept, ellipsis[: max(columns, 0)])


def clipped_head(text: str, columns: int, ellipsis: str = "…") -> str:
    """Return the text, cut at its beginning so that it fits: of a label the end tells most."""
    if columns_of(text) <= columns:
        return text
    tail = ""
    left = columns - len(ellipsis)
    for character in reversed(text):
        left -= _columns_of_one(character)
        if left < 0:
            break
        tail = character + tail
    return ellipsis[: max(columns, 0)] + tail


def padded(text: str, columns: int) -> str:
    """Return the text, filled up with blanks."""
    return text + " " * max(0, columns - columns_of(text))


def _head(text: str, columns: int) -> str:
    for index, character in enumerate(text):
        columns -= _columns_of_one(character)
        if columns < 0:
            return text[:index]
    return text


def _columns_of_one(character: str) -> int:
    if unicodedata.category(character) in _UNSEEN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _text(part: str | Painted) -> str:
    return part.text if isinstance(part, Painted) else part
