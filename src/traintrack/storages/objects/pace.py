"""Time as the protocol uses it: to pause and to count silence, never to decide who is right."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from traintrack.errors import HostError
from traintrack.ports.objects import UnknownOutcomeError

DEADLINE_S = 30.0
_FIRST_PAUSE_S = 0.02
"""Most bad answers are alone: the second request mostly succeeds at once, and the pause doubles where it does not."""

_LONGEST_PAUSE_S = 5.0

T = TypeVar("T")


class Pace(Protocol):
    """A clock that only measures, and a way to pause; a test holds both."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""

    def sleep(self, seconds: float) -> None:
        """Do nothing for a while."""

    def spread(self) -> float:
        """A random share from 0 to 1, so that those who wait do not march in step."""


class RealPace:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def spread(self) -> float:
        """A random share."""
        return random.random()  # noqa: S311  spreads retries, keeps no secret


class Patience:
    """Pauses after each unclear answer to one request, and gives up at the deadline.

    Exponential back-off with full jitter: who collided must not collide again.
    """

    def __init__(self, pace: Pace, doing: str, deadline_s: float = DEADLINE_S) -> None:
        self._pace, self._doing = pace, doing
        self._until = pace.monotonic() + deadline_s
        self._pause_s = _FIRST_PAUSE_S

    def pause(self, cause: Exception) -> None:
        """Wait before the next look.

        Raises:
            HostError: the deadline has passed; nothing was removed, and what was sent may still take effect.
        """
        if self._pace.monotonic() >= self._until:
            raise HostError(
                f"the storage gave no clear answer: cannot {self._doing}",
                code="storage-unclear",
                hint="check network and credentials, then run the same command again: it goes on where it was",
                details=(str(cause),) if str(cause) else (),
            ) from cause
        self._pace.sleep(self._pause_s * self._pace.spread())
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)


def patiently(pace: Pace, doing: str, request: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """Make a request that may be repeated without harm until it is answered.

    Raises:
        HostError: there was no clear answer until the deadline.
    """
    patience = Patience(pace, doing, deadline_s)
    while True:
        try:
            return request()
        except UnknownOutcomeError as error:
            patience.pause(error)
