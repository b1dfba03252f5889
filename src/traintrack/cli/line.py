"""A line of text for people: parts with a tone, in which nothing of a user's can move the cursor."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple, TypeAlias


class Tone(Enum):
    """How a part of a line is meant; the value is its SGR parameter (ECMA-48 8.3.117)."""

    GOOD = "32"
    BAD = "31"
    WARN = "33"
    BUSY = "36"
    STRONG = "1"
    FAINT = "2"


class Painted(NamedTuple):
    """A part of a line with a tone. Colour only adds: the words say the same without it."""

    text: str
    tone: Tone


Line: TypeAlias = tuple[str | Painted, ...]
"""One line without its end; empty for a blank one."""

# C0, DEL, C1, bidirectional controls, line separators, byte order marks and lone surrogates.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""Return the text with every control character spelled out, such as `\x1b`; newlines and tabs too."""
    return text if text.isprintable() else _UNSEEN.sub(_spelled, text)


def good(text: str) -> Painted:
    """Paint what went well."""
    return Painted(text, Tone.GOOD)


def bad(text: str) -> Painted:
    """Paint what went wrong."""
    return Painted(text, Tone.BAD)


def warn(text: str) -> Painted:
    """Paint what wants attention."""
    return Painted(text, Tone.WARN)


def busy(text: str) -> Painted:
    """Paint what is under way."""
    return Painted(text, Tone.BUSY)


def strong(text: str) -> Painted:
    """Paint what matters most in its line."""
    return Painted(text, Tone.STRONG)


def faint(text: str) -> Painted:
    """Paint what is read second."""
    return Painted(text, Tone.FAINT)


def plain(line: Line) -> str:
    """Return the line without tones, control characters spelled out."""
    return "".join(visible(_text(part)) for part in line)


def painted(line: Line) -> str:
    """Return the line with its tones as terminal sequences, control characters of the texts spelled out."""
    return "".join(
        f"\x1b[{part.tone.value}m{visible(part.text)}\x1b[0m" if isinstance(part, Painted) else visible(part)
        for part in line
    )


def log_lines(text: str) -> list[str]:
    """Split the text of a log into lines: tabs as blanks, what a carriage return parts on lines of its own."""
    pieces = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if pieces and not pieces[-1]:
        pieces.pop()
    return [piece.expandtabs(8) for piece in pieces]


def _text(part: str | Painted) -> str:
    return part.text if isinstance(part, Painted) else part


def _spelled(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
