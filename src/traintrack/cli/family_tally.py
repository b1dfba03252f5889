"""How the members of each family end in a run, so that what was reused of one is a single line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from traintrack.action.plan import Outcome
from traintrack.family_name import by_row, row_name

REUSED = {
    Outcome.REUSED: "cached",
    Outcome.SAME_INPUTS: "same inputs as before",
    Outcome.SHARED: "made by another run",
}
"""How a member ends that was not executed and has a result, in words."""


class FamilyTally:
    """Counts endings by family; what it does with one does not grow with the family."""

    def __init__(self, labels: Iterable[str] = ()) -> None:
        """Begin with the labels of a plan; a family of one member is told as that member."""
        groups = by_row(labels, str)
        self._left = {name: len(some) for name, some in groups.items() if len(some) > 1}
        self._ended: dict[str, Outcome] = {}
        self._counts: dict[str, Counter[Outcome]] = {name: Counter() for name in self._left}

    def sums(self, label: str, outcome: Outcome) -> bool:
        """Tell if such an ending is told with its family, in place of a line of its own."""
        return outcome in REUSED and row_name(label) in self._left

    def end(self, label: str, outcome: Outcome) -> tuple[str, str] | None:
        """Take an ending; the name of the row and its words once all members ended and some were reused."""
        name = row_name(label)
        if name not in self._left:
            return None
        before = self._ended.get(label)
        self._ended[label] = outcome
        self._counts[name][outcome] += 1
        if before is not None:
            # It was damaged and is made again: it counts once, and its family has been told.
            self._counts[name][before] -= 1
            return None
        self._left[name] -= 1
        return self._told(name) if not self._left[name] else None

    def rest(self) -> list[tuple[str, str]]:
        """Return what is to be told of the families that did not come to their end."""
        return [told for name, left in self._left.items() if left and (told := self._told(name)) is not None]

    def is_all_cached(self, name: str) -> bool:
        """Tell if all that ended of a family stood already."""
        counts = self._counts[name]
        return counts[Outcome.REUSED] == counts.total()

    def _told(self, name: str) -> tuple[str, str] | None:
        counts = self._counts[name]
        words = " · ".join(f"{counts[outcome]} {text}" for outcome, text in REUSED.items() if counts[outcome])
        return (name, words) if words else None
