"""How urgent each target is: the recorded time of the longest chain that it begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from traintrack.digest import TargetId

UNKNOWN_S = 60.0
"""Counted for a target that never ran: a new one may well be long, so it is not left for last."""


def urgency(
    order: Sequence[TargetId],
    needs: Mapping[TargetId, Collection[TargetId]],
    expected_s: Mapping[TargetId, float | None],
) -> dict[TargetId, float]:
    """Return for each target of `order` its own time plus the longest chain of consumers behind it, in seconds.

    `order` has every target after those it needs.
    """
    behind: dict[TargetId, float] = dict.fromkeys(order, 0.0)
    total: dict[TargetId, float] = {}
    for target in reversed(order):
        own = expected_s.get(target)
        total[target] = (UNKNOWN_S if own is None else own) + behind[target]
        for need in needs.get(target, ()):
            if need in behind:
                behind[need] = max(behind[need], total[target])
    return total
