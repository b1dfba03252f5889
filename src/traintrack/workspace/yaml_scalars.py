"""What a plain scalar means: the core schema of YAML 1.2.2 (section 10.3.2) without infinities and NaN."""

from __future__ import annotations

import math
import re
from typing import Final

MAX_NUMBER_LENGTH: Final = 1_000
"""Characters of a number; Python itself refuses to read integers of more than 4,300 digits."""

MAY_BE_OTHER_THAN_TEXT: Final = frozenset("0123456789+-.~nNtTfF")
"""A plain scalar that begins with none of these, and is not empty, is text."""


class ScalarError(ValueError):
    """A plain scalar is a number that cannot be used; the message says why, the hint what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def resolve_plain(text: str) -> str | int | float | bool | None:
    """Return the value of a plain scalar: `1e-4` is a float; `no`, dates and `1_000` are text; `010` is 10.

    Raises:
        ScalarError: an infinity, NaN, or a number beyond every use.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return _integer(text)
    if _FLOAT.match(text):
        return _float(text)
    if _NOT_FINITE.match(text):
        raise ScalarError(f"`{text}` is not a finite number", f'write `"{text}"` if text is meant')
    return text


_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_NONZERO_DIGIT = re.compile(r"[1-9]")


def _integer(text: str) -> int:
    _demand_length(text)
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


def _float(text: str) -> float:
    _demand_length(text)
    value = float(text)
    if not math.isfinite(value):
        raise ScalarError(f"`{text}` is too large for a 64-bit float", "write a smaller number, or quote it")
    if value == 0.0:
        mantissa = re.split("[eE]", text)[0]
        if _NONZERO_DIGIT.search(mantissa):
            raise ScalarError(f"`{text}` is too small for a 64-bit float", "write `0.0`, or quote it")
        return 0.0
    return value


def _demand_length(text: str) -> None:
    if len(text) > MAX_NUMBER_LENGTH:
        raise ScalarError(
            f"`{text[:12]}…` is a number of {len(text):,} characters; the limit is {MAX_NUMBER_LENGTH:,}",
            "quote it if text is meant",
        )
