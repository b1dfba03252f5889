"""Short steps in the loop's own thread: to wake another one costs more than such a step, and twice as much on two cores."""

from __future__ import annotations

from collections.abc import Callable

from traintrack.ports.clock import Clock

LONG_S = 0.1
"""Who types Ctrl-C, and a slot that has become free, can wait for so long."""


class OwnThread:
    """Runs steps at once, until one of them takes long: then it takes no more."""

    def __init__(self, clock: Clock, *, allowed: bool) -> None:
        self._clock, self.may_take = clock, allowed

    def run(self, step: Callable[[], None]) -> None:
        """Run a step, which tells by itself how it ended and raises nothing."""
        began = self._clock.monotonic()
        step()
        if self._clock.monotonic() - began > LONG_S:
            self.may_take = False
