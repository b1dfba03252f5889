"""The loop's ears and hands: what it has yet to hear, and the blocking steps that are under way.

One thread owns all state of a run and takes one call after another; everybody else hands it calls.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from traintrack.execute.inbox import Call, Inbox
from traintrack.execute.own_thread import OwnThread
from traintrack.execute.pool import Pool
from traintrack.ports.clock import Clock
from traintrack.ports.runner import LendsEnds, Runner

Step = Callable[[], Call]
"""Blocks, and returns what the loop should do then."""

NEAR_THREADS = 2
"""Steps on a local disk are short: more threads only contend for the interpreter (measured: a fifth more of its time)."""

DISTANT_THREADS = 16
"""Where each step waits for a network."""


class Loop:
    """Calls for one thread. `pending` is how many steps have not come back; `fatal` is an error that ends the run."""

    def __init__(self, clock: Clock, *, is_near: bool) -> None:
        self.pending = 0
        self.fatal: Exception | None = None
        self._inbox = Inbox()
        self._hands = NEAR_THREADS if is_near else DISTANT_THREADS
        self._pool = Pool(self._hands, "traintrack")
        self._own = OwnThread(clock, allowed=is_near)
        self._is_near = is_near

    @property
    def has_free_hands(self) -> bool:
        """Tell if a step that is asked for now waits for no other."""
        return self.pending < self._hands

    @property
    def takes_steps_itself(self) -> bool:
        """Tell if short steps are taken here, and not in the pool."""
        return self._own.may_take

    def hand(self, call: Call) -> None:
        """Have a call made by the loop; from any thread."""
        self._inbox.put(call)

    def wake(self) -> None:
        """Let the loop look around; from any thread."""
        self._inbox.put(lambda: None)

    def fail(self, error: Exception) -> None:
        """End the run with an error; from any thread."""
        self._inbox.put(partial(self.die, error))

    def die(self, error: Exception) -> None:
        """End the run with an error."""
        self.fatal = self.fatal or error

    def run(self, step: Step, *, short: bool = False) -> None:
        """Take a step in the pool, or here if it is short; an error of ours in it ends the run."""
        self.pending += 1

        def body() -> None:
            try:
                call = step()
            except Exception as error:  # noqa: BLE001  a thread must hand its errors on
                call = partial(self.die, error)
            self._inbox.put(partial(self._came_back, call))

        if short:
            self._take(body)
        else:
            self._pool.run(body)

    def run_aside(self, work: Call) -> None:
        """Do something in the pool that nobody waits for; an error in it ends the run."""

        def body() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001  a thread must hand its errors on
                self.fail(error)

        self._pool.run(body)

    def attend(self, runner: Runner) -> None:
        """Look after the ends of the runner's jobs too, where it lends them and that is a matter of this machine."""
        ends = runner.lend() if self._is_near and isinstance(runner, LendsEnds) else None
        if ends is not None:
            self._inbox.attend(ends, self._take)

    def listen(self, timeout_s: float | None) -> None:
        """Make the calls that have come; wait for one for at most so long, or for ever."""
        call = self._inbox.take(timeout_s)
        while call is not None:
            call()
            call = self._inbox.next()

    def leave(self) -> None:
        """Leave the ends of jobs to the runner again."""
        self._inbox.close()

    def close(self) -> None:
        """Let the steps that were begun come to their end."""
        self._pool.close()

    def _take(self, short: Call) -> None:
        """Do what is short here, unless something took long here a while ago."""
        if self._own.may_take:
            self._own.run(short)
        else:
            self._pool.run(short)

    def _came_back(self, call: Call) -> None:
        self.pending -= 1
        call()
