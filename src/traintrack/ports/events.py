"""Where events go."""

from __future__ import annotations

from typing import Protocol

from traintrack.action.event import Event


class EventSink(Protocol):
    """Takes events in order; may be called from several threads, one at a time."""

    def emit(self, event: Event) -> None:
        """Take an event. Must not block for long and must not raise."""
