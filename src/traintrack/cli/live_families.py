"""Families of a run as the live block counts them; a change of one target costs the same however many there are."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from enum import Enum
from itertools import islice

from traintrack.family_name import by_row, family_of, row_name

COUNTED_FROM = 9
"""A family of so many members has a row of its own."""


class State(Enum):
    """Where a target is: queued, running or waiting, ended well or not."""

    QUEUED = "queued"
    UNDER_WAY = "under way"
    DONE = "done"
    FAILED = "failed"


class LiveFamilies:
    """Counts targets by family and state; a target that is no member counts for itself."""

    def __init__(self, labels: Iterable[str] = ()) -> None:
        """Begin with the labels of a plan, none of them anywhere yet."""
        self._sizes = {name: len(some) for name, some in by_row(labels, str).items() if family_of(some[0]) is not None}
        self._states: dict[str, State] = {}
        self._counts: Counter[tuple[str, State]] = Counter()
        # An ordered one has its first entries at hand also after thousands before them were taken away.
        self._queued: OrderedDict[str, None] = OrderedDict()
        self._under_way: OrderedDict[str, None] = OrderedDict()

    def put(self, label: str, state: State) -> None:
        """Note where a target is now."""
        name = self._name(label)
        before = self._states.get(label)
        if before is state:
            return
        if before is not None:
            self._counts[name, before] -= 1
        self._states[label] = state
        self._counts[name, state] += 1
        self._list(self._queued, name, State.QUEUED)
        if self._sizes.get(name, 0) >= COUNTED_FROM:
            self._list(self._under_way, name, State.UNDER_WAY)

    def queued_names(self, most: int) -> tuple[list[str], int]:
        """Return the first of what is queued, members of a family as its row, and how many targets these stand for."""
        names = list(islice(self._queued, most))
        count = sum(self._counts[name, State.QUEUED] for name in names)
        return [self._queued_text(name) for name in names], count

    def rows(self, most: int) -> list[str]:
        """Return the text of at most so many families with a member under way, the longest under way first."""
        return [self._row(name) for name in islice(self._under_way, most)]

    def _row(self, name: str) -> str:
        done, failed = self._counts[name, State.DONE], self._counts[name, State.FAILED]
        text = f"{name}  {done + failed}/{self._sizes[name]}"
        return f"{text} · {failed} failed" if failed else text

    def _queued_text(self, name: str) -> str:
        count = self._counts[name, State.QUEUED]
        return f"{name} ({count})" if name in self._sizes else name

    def _name(self, label: str) -> str:
        """A family of which the plan has one member alone is told as that member."""
        name = row_name(label)
        return name if self._sizes.get(name, 0) > 1 else label

    def _list(self, listed: OrderedDict[str, None], name: str, state: State) -> None:
        if self._counts[name, state]:
            listed.setdefault(name)
        else:
            listed.pop(name, None)
