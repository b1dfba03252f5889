"""The numbers of coordinates: `1e-4`, `0.0001` and `1.0e-4` name the same one."""

from __future__ import annotations

from typing import Final

from traintrack.workspace.yaml_scalars import ScalarError, resolve_plain

_BEGINS: Final = frozenset("0123456789+-.")


def number_of(text: str) -> int | float | None:
    """Return the number that a name is, None if it is none."""
    if text[:1] not in _BEGINS:
        return None
    try:
        number = resolve_plain(text)
    except ScalarError:
        return None
    return number if isinstance(number, int | float) else None
