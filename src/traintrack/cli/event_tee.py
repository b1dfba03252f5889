"""One event for several listeners."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.action.event import Event
from traintrack.ports.events import EventSink


class EventTee:
    """Hands each event to all sinks, in their order."""

    def __init__(self, sinks: Sequence[EventSink]) -> None:
        self._sinks = tuple(sinks)

    def emit(self, event: Event) -> None:
        """Take an event."""
        for sink in self._sinks:
            sink.emit(event)
