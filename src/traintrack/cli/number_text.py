"""Numbers in columns: as many digits as tell them apart and three more, four at least, aligned at the point."""

from __future__ import annotations

import math
from collections.abc import Sequence

_LEAST_DIGITS = 4
_MOST_DIGITS = 17
_PLAIN_FROM, _PLAIN_BELOW = 1e-4, 1e9


def digits_for(numbers: Sequence[float]) -> int:
    """Return how many significant digits numbers of one column are shown with."""
    finite = [abs(number) for number in numbers if _is_finite(number) and number]
    signed = [number for number in numbers if _is_finite(number)]
    spread = max(signed) - min(signed) if signed else 0
    if not finite or not spread or not _is_finite(spread):
        return _LEAST_DIGITS
    shared = _exponent(max(finite)) - _exponent(spread)
    return min(_MOST_DIGITS, max(_LEAST_DIGITS, shared + _LEAST_DIGITS - 1))


def number_text(number: float, digits: int = _LEAST_DIGITS) -> str:
    """Spell a number with so many significant digits; integers in full.

    Zeros at the end are left out where it is the very number: `0.9` is that, `0.9000` was rounded.
    """
    if isinstance(number, int):
        return str(number)
    if not math.isfinite(number):
        return str(number)
    if number and not _PLAIN_FROM <= abs(number) < _PLAIN_BELOW:
        text = f"{number:.{digits - 1}e}"
        mantissa, _, exponent = text.partition("e")
        return f"{_bare(mantissa)}e{exponent}" if float(text) == number else text
    places = max(0, digits - 1 - _exponent(number)) if number else 0
    text = f"{number:.{min(places, _MOST_DIGITS)}f}"
    return _bare(text) if float(text) == number else text


def spread_texts(mean: float, sd: float | None, digits: int = _LEAST_DIGITS) -> tuple[str, str]:
    """Spell a mean and its deviation, of which two digits are shown, to the same decimal place."""
    if sd is None or not sd or not math.isfinite(sd):
        return number_text(mean, digits), "" if sd is None else number_text(sd)
    places = 1 - _exponent(sd)
    if not _PLAIN_FROM <= sd < _PLAIN_BELOW or abs(mean) >= _PLAIN_BELOW:
        shared = _exponent(mean) - _exponent(sd) if mean else 0
        return number_text(mean, min(_MOST_DIGITS, max(2, shared + 2))), number_text(sd, 2)
    return f"{mean:.{max(0, places)}f}", f"{sd:.{max(0, places)}f}"


def aligned_at_point(texts: Sequence[str]) -> list[str]:
    """Return texts of one width whose points stand below each other; what has none stands before it."""
    parts = [_parted(text) for text in texts]
    before = max((len(left) for left, _ in parts), default=0)
    behind = max((len(right) for _, right in parts), default=0)
    return [left.rjust(before) + right.ljust(behind) for left, right in parts]


def _parted(text: str) -> tuple[str, str]:
    """What stands before the point, and the rest; `1e-05` is parted at the `e`."""
    at = text.find(".")
    if at < 0:
        at = text.find("e-") if text[:1].isdigit() else -1
    return (text, "") if at < 0 else (text[:at], text[at:])


def _exponent(number: float) -> int:
    return math.floor(math.log10(abs(number)))


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond all floats
        return False


def _bare(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
