"""How many of a family may run at once."""

from __future__ import annotations

from msgspec import Struct


class Parallel(Struct, frozen=True):
    """At most `most` actions of `family` run at once in a run; `family` is a label without what follows its `@`."""

    family: str
    most: int


def tightest(first: Parallel | None, second: Parallel | None) -> Parallel | None:
    """What holds where two labels share an action: the smaller bound, the first of equal ones."""
    if first is None or second is None:
        return first or second
    return min(first, second, key=lambda bound: bound.most)
