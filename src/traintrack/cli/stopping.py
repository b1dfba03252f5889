"""What Ctrl-C and SIGTERM do to a run: the first asks, the next end it, and it is said what was understood."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from traintrack.cli.terminal import Terminal
from traintrack.execute.control import RunControl, StopLevel

_WORDS = {
    StopLevel.DRAIN: "stopping: nothing new is started; what runs may end (Ctrl-C again ends it)",
    StopLevel.STOP: "stopping: running tasks are asked to end (once more kills them)",
    StopLevel.KILL: "stopping: running tasks are killed",
}


class Stopping:
    """Remembers which signal came first; `exit_code` is None as long as none came."""

    def __init__(self) -> None:
        self.exit_code: int | None = None


@contextmanager
def stopping(control: RunControl, is_running: Callable[[], bool], terminal: Terminal) -> Iterator[Stopping]:
    """Hand signals to a run while the context is open.

    Until the run has begun a signal does what it did before: there is nothing yet that must be let go in order.
    SIGTERM does not drain: whoever sends it, an init system or a scheduler, kills after some seconds.
    """
    came = Stopping()
    before: dict[int, Any] = {}

    def take(number: int, frame: FrameType | None) -> None:
        if not is_running():
            before[number](number, frame)
            return
        came.exit_code = came.exit_code or 128 + number
        at_least = StopLevel.STOP if number == signal.SIGTERM and control.level < StopLevel.STOP else None
        terminal.tell((_WORDS[control.stop(at_least)],))

    for number in map(int, (signal.SIGINT, signal.SIGTERM)):
        previous = signal.getsignal(number)
        # A parent that ignores a signal for us, as `nohup` and shells with `&` do, is obeyed.
        if callable(previous):
            before[number] = previous
            signal.signal(number, take)
    try:
        yield came
    finally:
        for taken, previous in before.items():
            signal.signal(taken, previous)
