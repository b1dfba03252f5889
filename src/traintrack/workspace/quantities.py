"""Sizes and durations as people write them."""

from __future__ import annotations

import math
import re
from typing import Final

from traintrack.workspace.findings import shown

SIZE_UNITS: Final = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
DURATION_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s?([A-Za-z]*)\Z", re.ASCII)
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,6})?[smhd])+\Z", re.ASCII)
_DURATION_PART = re.compile(r"([0-9.]+)([smhd])", re.ASCII)


class QuantityError(ValueError):
    """A text is not a size or a duration; the message says so, the hint shows one."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def parse_size(text: str | int) -> int:
    """Return bytes: `512`, `16GiB`, `1.5GB`; units are KB, MB, GB and KiB, MiB, GiB.

    Raises:
        QuantityError: the text is not a size, or is 0.
    """
    match = _SIZE.match(str(text))
    factor = SIZE_UNITS.get(match[2]) if match and match[2] else 1
    if match is None or factor is None or (not match[2] and "." in match[1]):
        raise QuantityError(f"`{_shown(text)}` is not a size", "write bytes, or a size such as `512MiB` or `16GiB`")
    size = int(match[1]) * factor if "." not in match[1] else int(float(match[1]) * factor)
    if size <= 0:
        raise QuantityError(f"a size of `{_shown(text)}` holds nothing", "write a size such as `512MiB` or `16GiB`")
    return size


def parse_duration(text: str | float) -> float:
    """Return seconds: `30s`, `10m`, `2h`, `1d`, `1h30m`; a number is seconds.

    Raises:
        QuantityError: the text is not a duration, or is 0.
    """
    if isinstance(text, str):
        if not _DURATION.match(text):
            raise QuantityError(f"`{_shown(text)}` is not a duration", "write `30s`, `10m`, `2h` or `1d`")
        seconds = math.fsum(float(n) * DURATION_UNITS[unit] for n, unit in _DURATION_PART.findall(text))
    else:
        seconds = float(text) if abs(text) < 1e12 else math.inf
    if not 0 < seconds < 1e12:
        raise QuantityError(f"`{_shown(text)}` is not a duration beyond 0", "write `30s`, `10m`, `2h` or `1d`")
    return seconds


def _shown(text: str | float) -> str:
    return shown(str(text) if isinstance(text, str) or abs(text) < 1e18 else "a huge number")
