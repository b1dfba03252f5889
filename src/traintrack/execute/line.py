"""The line of those that have to be executed and found no room. Pure: it starts nothing."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

from traintrack.execute.slots import Ask, Grant, Slots

K = TypeVar("K", bound=str)

_Place = tuple[float, int]


class Line(Generic[K]):
    """Keeps targets until there is room for them, the most urgent first, then the one that joined first.

    Those that ask for the same stand in one row, so that one refusal tells for all of them. A row whose family has
    all that it may have is set aside until `freed`: however long it is, nobody looks at it.
    """

    def __init__(self) -> None:
        self._asks: dict[K, Ask] = {}
        self._ranks: dict[K, int] = {}
        self._rows: dict[Ask, list[tuple[_Place, K]]] = {}
        self._open: set[Ask] = set()
        self._aside: dict[str, set[Ask]] = {}

    @property
    def is_open(self) -> bool:
        """Tell if some wait for something else than a place of their family."""
        return bool(self._open)

    def join(self, target: K, ask: Ask, urgency: float = 0.0) -> None:
        """Let a target wait; one that comes back keeps its rank among equally urgent ones."""
        rank = self._ranks.setdefault(target, len(self._ranks))
        self._asks[target] = ask
        heapq.heappush(self._rows.setdefault(ask, []), ((-urgency, rank), target))
        if ask not in self._aside.get(ask.family, ()):
            self._open.add(ask)

    def leave(self, target: K) -> bool:
        """Take a target out; False if it was not in."""
        return self._asks.pop(target, None) is not None

    def take(self, slots: Slots) -> list[tuple[K, Grant]]:
        """Take out all that there is room for, each with its share."""
        if slots.full:
            return []
        taken: list[tuple[K, Grant]] = []
        heads = [(*head, ask) for ask in tuple(self._open) if (head := self._head(ask)) is not None]
        heapq.heapify(heads)
        while heads and not slots.full:
            _, target, ask = heapq.heappop(heads)
            grant = slots.take(ask)
            if grant is None:
                self._refused(ask, slots)
                continue
            del self._asks[target]
            taken.append((target, grant))
            if (head := self._head(ask)) is not None:
                heapq.heappush(heads, (*head, ask))
        return taken

    def freed(self, family: str) -> None:
        """Tell that a place of a family is free."""
        self._open |= self._aside.pop(family, set())

    def clear(self) -> list[K]:
        """Take out everybody, sorted."""
        rest = sorted(self._asks)
        for kept in (self._asks, self._rows, self._open, self._aside):
            kept.clear()
        return rest

    def __len__(self) -> int:
        """How many wait."""
        return len(self._asks)

    def _head(self, ask: Ask) -> tuple[_Place, K] | None:
        """Who is first in a row; a row without anybody is closed."""
        row = self._rows[ask]
        while row and self._asks.get(row[0][1]) != ask:
            heapq.heappop(row)
        if row:
            return row[0]
        del self._rows[ask]
        self._open.discard(ask)
        return None

    def _refused(self, ask: Ask, slots: Slots) -> None:
        if slots.family_is_full(ask):
            self._open.discard(ask)
            self._aside.setdefault(ask.family, set()).add(ask)
