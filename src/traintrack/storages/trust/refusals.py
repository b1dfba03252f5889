"""What was refused, for who wants to hear of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from traintrack.digest import TargetId
from traintrack.ports.trust import Refusal


class Refusals:
    """Each refusal is told once; those of before the first listener are told to that one. Safe between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._found: dict[TargetId, Refusal] = {}
        self._untold: list[Refusal] = []
        self._tell: Callable[[str], None] | None = None

    def add(self, refusal: Refusal) -> None:
        """Note a refusal, unless it is known."""
        with self._guard:
            if self._found.get(refusal.id) == refusal:
                return
            self._found[refusal.id] = refusal
            tell = self._tell
            if tell is None:
                self._untold.append(refusal)
        if tell is not None:
            tell(_words(refusal))

    def of(self, id_: TargetId) -> Refusal | None:
        """The last refusal of an ID."""
        with self._guard:
            return self._found.get(id_)

    def hear(self, tell: Callable[[str], None]) -> None:
        """Tell what was not told yet, and all that comes."""
        with self._guard:
            self._tell = tell
            untold, self._untold = self._untold, []
        for refusal in untold:
            tell(_words(refusal))


def _words(refusal: Refusal) -> str:
    return f"the result for {refusal.id[:12]} in `{refusal.storage}` is refused: {refusal.words}"
