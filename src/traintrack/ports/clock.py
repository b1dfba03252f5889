"""Time, so that a test can hold it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Two clocks: one for measuring, one for people."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""

    def now_iso(self) -> str:
        """The wall-clock time in UTC as ISO 8601 with milliseconds; never used in a decision."""
