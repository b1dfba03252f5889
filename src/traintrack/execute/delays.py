"""Flights whose next attempt is due later. Pure: the caller says what time it is."""

from __future__ import annotations

import heapq

from traintrack.execute.flight import Flight


class Delays:
    """Orders flights by when they are due; times in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Flight]] = []
        self._sequence = 0

    def add(self, flight: Flight, due_s: float) -> None:
        """Hold a flight back until a time."""
        self._sequence += 1
        heapq.heappush(self._heap, (due_s, self._sequence, flight))

    def take_due(self, now_s: float) -> Flight | None:
        """Return the flight that is due longest, None if none is."""
        if not self._heap or self._heap[0][0] > now_s:
            return None
        return heapq.heappop(self._heap)[2]

    def next_in(self, now_s: float) -> float | None:
        """Seconds until the next one is due, None if none is held back."""
        return max(0.0, self._heap[0][0] - now_s) if self._heap else None

    def clear(self) -> list[Flight]:
        """Take out all that were held back."""
        flights = [flight for _, _, flight in self._heap]
        self._heap.clear()
        return flights

    def __len__(self) -> int:
        return len(self._heap)
