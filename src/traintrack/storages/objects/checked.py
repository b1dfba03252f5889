"""Reads an object that must have certain bytes: a bad bit on the way is no damage, so it is read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from traintrack.ports.objects import Objects
from traintrack.storages.objects.pace import Pace, patiently

READS: Final = 3
"""As often an object is read before its bytes count as damaged."""


class Damaged(Struct, frozen=True):
    """The object is there, and came with wrong bytes each time."""


def read_checked(
    objects: Objects, pace: Pace, key: str, unpack: Callable[[bytes], bytes | None]
) -> bytes | Damaged | None:
    """Return what `unpack` makes of an object, which is None for wrong bytes; None if there is no object.

    Raises:
        HostError: there was no clear answer until the deadline.
    """
    for _ in range(READS):
        got = patiently(pace, f"read `{key}`", lambda: objects.get(key))
        if got is None:
            return None
        data = unpack(got.data)
        if data is not None:
            return data
    return Damaged()
