"""How a run is asked to stop: once drains, twice ends what runs, thrice kills it."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum


class StopLevel(IntEnum):
    """How urgently a run was asked to stop."""

    GO = 0
    DRAIN = 1
    STOP = 2
    KILL = 3


GRACE_S = {StopLevel.STOP: 10.0, StopLevel.KILL: 0.0}
"""How long a task is given between being asked and being killed; long enough to seal a checkpoint."""


class RunControl:
    """Shared between the signal handler and the loop; safe to call from a signal handler."""

    def __init__(self) -> None:
        self.level = StopLevel.GO
        self._listeners: list[Callable[[], None]] = []

    def stop(self, at_least: StopLevel | None = None) -> StopLevel:
        """Raise the level by one, or to `at_least`, and return it."""
        wanted = at_least if at_least is not None else StopLevel(min(self.level + 1, StopLevel.KILL))
        self.level = max(self.level, wanted)
        for listener in tuple(self._listeners):
            listener()
        return self.level

    def on_stop(self, listener: Callable[[], None]) -> None:
        """Be told of each rise; the listener must be as careful as a signal handler."""
        self._listeners.append(listener)
