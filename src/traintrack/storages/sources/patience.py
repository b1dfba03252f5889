"""How often and how slowly something that broke off is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from traintrack.errors import HostError
from traintrack.ports.sources import CutError

T = TypeVar("T")


class Patience(Struct, frozen=True):
    """So many tries without progress, with twice the pause after each."""

    tries: int = 6
    pause_s: float = 0.25

    def call(self, work: Callable[[], T], what: str) -> T:
        """Return what `work` returns.

        Raises:
            HostError: it was cut off each time; `what` names it.
        """
        tried = 0
        while True:
            try:
                return work()
            except CutError as cut:
                tried += 1
                self.wait(tried, cut, what)

    def wait(self, tried: int, cut: CutError, what: str) -> None:
        """Pause before the next try.

        Raises:
            HostError: that was the last one.
        """
        if tried >= self.tries:
            words = str(cut) if what in str(cut) else f"{what}: {cut}"
            message = f"{words}; tried {tried} times"
            raise HostError(message, code="source-unreachable", hint="look at the network, and run again") from cut
        time.sleep(self.pause_s * 2 ** (tried - 1) * random.uniform(0.5, 1.0))  # noqa: S311  spreads retries
