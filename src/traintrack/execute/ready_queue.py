"""Says which targets may start, most urgent first. Pure: it starts nothing."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=str)


class ReadyQueue(Generic[K]):
    """Holds targets until those that they need are done; new ones may join at any time.

    `needs` maps a target to those that must be done before it. A need that is not in the queue and was not
    reported done counts as done: it stands already. Among those that are ready, the one with the largest
    `urgency` comes first, then the one that joined first.
    """

    def __init__(self, needs: Mapping[K, Collection[K]], urgency: Mapping[K, float] | None = None) -> None:
        self._waiting: dict[K, set[K]] = {}
        self._consumers: dict[K, list[K]] = {}
        self._ready: list[tuple[float, int, K]] = []
        self._rank: dict[K, int] = {}
        self._urgency = dict(urgency or {})
        self._known: set[K] = set()
        self._done: set[K] = set()
        self.add(needs)

    def add(self, needs: Mapping[K, Collection[K]], urgency: Mapping[K, float] | None = None) -> None:
        """Let targets join, or come back after they were taken: their needs are what is given now."""
        self._urgency.update(urgency or {})
        self._known.update(needs)
        self._done.difference_update(needs)
        for target, before in needs.items():
            self._rank.setdefault(target, len(self._rank))
            open_needs = {n for n in before if n in self._known and n not in self._done}
            for need in open_needs:
                self._consumers.setdefault(need, []).append(target)
            self._waiting[target] = open_needs
            if not open_needs:
                self._push(target)

    def take(self) -> K | None:
        """Return the most urgent ready target, each exactly once; None if nothing is ready now."""
        while self._ready:
            _, _, target = heapq.heappop(self._ready)
            if self._waiting.get(target) == set():
                del self._waiting[target]
                return target
        return None

    def done(self, target: K) -> None:
        """Tell that a target has its result; those that only waited for it become ready."""
        self._done.add(target)
        for consumer in self._consumers.pop(target, ()):
            before = self._waiting.get(consumer)
            if before is None or target not in before:
                continue
            before.discard(target)
            if not before:
                self._push(consumer)

    def drop(self, target: K) -> list[K]:
        """Take out everything that needs a target, directly or not, and return it in breadth-first order."""
        dropped: list[K] = []
        layer: Iterable[K] = self._consumers.pop(target, ())
        while layer:
            gone = [t for t in dict.fromkeys(layer) if self._waiting.get(t)]
            for t in gone:
                del self._waiting[t]
            dropped += gone
            layer = [c for t in gone for c in self._consumers.pop(t, ())]
        return dropped

    def clear(self) -> list[K]:
        """Take out everything that was not taken yet, sorted."""
        rest = sorted(self._waiting)
        self._waiting.clear()
        self._ready.clear()
        return rest

    def __len__(self) -> int:
        """How many have not been taken."""
        return len(self._waiting)

    def _push(self, target: K) -> None:
        heapq.heappush(self._ready, (-self._urgency.get(target, 0.0), self._rank[target], target))
