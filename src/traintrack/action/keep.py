"""How long the bytes of a result are kept after their last use."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

FOREVER: Final = "forever"

Keep: TypeAlias = float | Literal["forever"]
"""Seconds since the last use, or for ever. None in its place: nothing was said, and the default counts."""


def longest(one: Keep | None, other: Keep | None) -> Keep | None:
    """What keeps both: for ever before any time, a longer time before a shorter one, any word before none."""
    if FOREVER in (one, other):
        return FOREVER
    times = [float(keep) for keep in (one, other) if keep is not None]
    return max(times) if times else None
