"""Short steps in the loop's own thread: to wake another one costs more than such a step, and twice as much on two cores."""

from __future__ import annotations

import math
from collections.abc import Callable

from traintrack.ports.clock import Clock

LONG_S = 0.1
"""Who types Ctrl-C, and a slot that has become free, can wait for so long."""

REST_S = 2.0
"""How long no step is taken after a long one; each time twice as long. A machine may be busy for a moment, a disk is slow for good."""


class OwnThread:
    """Runs steps at once; after one that took long it takes no more for a while."""

    def __init__(self, clock: Clock, *, allowed: bool) -> None:
        self._clock = clock
        self._from = clock.monotonic() if allowed else math.inf
        self._rest_s = REST_S

    @property
    def may_take(self) -> bool:
        """Tell if a step may be run here now."""
        return self._clock.monotonic() >= self._from

    def run(self, step: Callable[[], None]) -> None:
        """Run a step, which tells by itself how it ended and raises nothing."""
        began = self._clock.monotonic()
        step()
        ended = self._clock.monotonic()
        if ended - began > LONG_S:
            self._from = ended + self._rest_s
            self._rest_s *= 2
