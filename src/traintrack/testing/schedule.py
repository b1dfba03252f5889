"""Runs several actors one at a time in an order that a list of numbers decides: every interleaving can be replayed.

Each actor has a thread of its own, but only the one that holds the baton runs. An actor gives it back at each request
to a store and at each pause; the schedule then picks who goes on, and what becomes of the request. Time is virtual:
it advances when a sleeper is picked, so a holder may be as slow, and a waiter as quick, as the numbers want.

When the numbers are used up the calm begins: no more faults, everyone in turn, sleepers in the order of their clocks.
What has not ended after `CALM_STEPS` of that never will.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from enum import Enum

from msgspec import Struct, field

CALM_STEPS = 4000
_WHO = 64
_FATES = 64


class Fate(Enum):
    """What becomes of a request."""

    ANSWERED = "answered"
    REFUSED = "refused, without effect"
    LOST = "took effect, but the answer is lost"
    LATE = "takes effect later, and is not answered"


class CrashedError(BaseException):
    """The actor's process dies here: nothing may catch this but the schedule."""


class StuckError(AssertionError):
    """Some actors never end, though nothing hinders them any more."""


class Faults(Struct, frozen=True):
    """How much may go wrong in one schedule. `jumps`: sleepers may be picked before those whose time is nearer."""

    crashes: int = 1
    unclear: int = 3
    jumps: bool = True


class Actor(Struct, eq=False):
    """One thread. `needed`: the schedule goes on until it has ended; others are stopped with it."""

    name: str
    body: Callable[[], None]
    needed: bool
    mortal: bool
    baton: threading.Lock = field(default_factory=threading.Lock)
    wakes_at: float | None = None
    requests: bool = False
    ended: bool = False
    dead: bool = False
    fate: Fate = Fate.ANSWERED
    error: BaseException | None = None


class Schedule:
    """Plays actors by `numbers`; it is also the pace (clock and sleep) that the code under test is given."""

    def __init__(self, numbers: Sequence[int], faults: Faults) -> None:
        self._numbers, self._next = numbers, 0
        self._crashes, self._unclear, self._jumps = faults.crashes, faults.unclear, faults.jumps
        self._now = 0.0
        self._actors: list[Actor] = []
        self._late: list[Callable[[], object]] = []
        self._current: Actor | None = None
        self._main = threading.Lock()
        self._main.acquire()
        self._turns = 0
        self._on_crash: Callable[[str], None] = lambda _: None
        self.trace: list[str] = []

    # What actors call

    def monotonic(self) -> float:
        """The virtual time in seconds."""
        return self._now

    def spread(self) -> float:
        """Half of the way, always: the order comes from the numbers."""
        return 0.5

    def sleep(self, seconds: float) -> None:
        """Give the baton back and be picked later."""
        actor = self._me()
        actor.wakes_at = self._now + seconds
        self._yield(actor)
        actor.wakes_at = None

    def turn(self, doing: str, *, unclear: bool = True) -> Fate:
        """Give the baton back before a request, and say what becomes of it. `unclear`: faults are possible."""
        actor = self._me()
        actor.requests = unclear
        self._yield(actor)
        actor.requests = False
        self.trace.append(f"{actor.name}: {doing} [{actor.fate.name.lower()}]")
        return actor.fate

    def deliver_later(self, request: Callable[[], object]) -> None:
        """Let a request take effect at some later time, or never; its sender may be dead by then."""
        self._late.append(request)

    def pick(self, count: int) -> int:
        """A choice of the code around the test, such as what a task puts out."""
        return self._number() % count

    # What the test calls

    @property
    def playing(self) -> str | None:
        """The name of the actor whose turn it is; None while a late request takes effect."""
        return self._current.name if self._current else None

    def on_crash(self, told: Callable[[str], None]) -> None:
        """Be told the name of each actor that dies, at that moment."""
        self._on_crash = told

    def add(self, name: str, body: Callable[[], None], *, needed: bool = True, mortal: bool = True) -> None:
        """Take an actor in."""
        self._actors.append(Actor(name, body, needed, mortal))

    def kill(self, name: str) -> None:
        """Let an actor die at its next turn, as a thread of a process that is dead."""
        for actor in self._actors:
            if actor.name == name:
                actor.dead = True

    def run(self) -> None:
        """Play until all needed actors have ended.

        Raises:
            StuckError: they do not.
            Exception: what an actor raised, the first one.
        """
        for actor in self._actors:
            actor.baton.acquire()
            threading.Thread(target=self._thread, args=(actor,), daemon=True, name=actor.name).start()
        try:
            while any(a.needed and not a.ended for a in self._actors):
                self._step()
                self._raise_errors()
            while self._late:
                self._deliver(0)
        finally:
            self._stop_all()
        self._raise_errors()

    # The inside

    def _me(self) -> Actor:
        if self._current is None:
            raise RuntimeError("a request outside of the schedule")
        return self._current

    def _number(self) -> int:
        if self._next >= len(self._numbers):
            return 0
        self._next += 1
        return self._numbers[self._next - 1]

    def _is_calm(self) -> bool:
        return self._next >= len(self._numbers)

    def _step(self) -> None:
        if self._is_calm():
            self._calm_step()
            return
        number = self._number()
        who, fate = number % _WHO, number // _WHO % _FATES
        living = self._candidates()
        current = self._current
        if current is not None and current in living and who >= _WHO // 3:
            self._resume(current, fate)
            return
        index = who % (len(living) + len(self._late))
        if index >= len(living):
            self._deliver(index - len(living))
        else:
            self._resume(living[index], fate)

    def _calm_step(self) -> None:
        self._turns += 1
        if self._turns > CALM_STEPS:
            names = ", ".join(a.name for a in self._actors if a.needed and not a.ended)
            raise StuckError(f"{names} can never end")
        awake = [a for a in self._actors if not a.ended and a.wakes_at is None]
        if awake:
            self._resume(awake[self._turns % len(awake)], 0)
            return
        self._resume(min((a for a in self._actors if not a.ended), key=_wake_time), 0)

    def _candidates(self) -> list[Actor]:
        living = [a for a in self._actors if not a.ended]
        if self._jumps:
            return living
        awake = [a for a in living if a.wakes_at is None]
        return awake or [min(living, key=_wake_time)]

    def _resume(self, actor: Actor, fate: int) -> None:
        if actor.wakes_at is not None:
            self._now = max(self._now, actor.wakes_at)
        if fate == _FATES - 1 and actor.mortal and self._crashes > 0 and not actor.dead:
            self._crashes -= 1
            actor.dead = True
            self.trace.append(f"{actor.name}: dies")
            self._on_crash(actor.name)
        actor.fate = self._fate(fate) if actor.requests else Fate.ANSWERED
        self._current = actor
        actor.baton.release()
        self._main.acquire()

    def _fate(self, fate: int) -> Fate:
        chosen = {_FATES - 2: Fate.LATE, _FATES - 3: Fate.LATE, _FATES - 4: Fate.LOST, _FATES - 5: Fate.REFUSED}.get(
            fate
        )
        if chosen is None or self._unclear == 0:
            return Fate.ANSWERED
        self._unclear -= 1
        return chosen

    def _deliver(self, index: int) -> None:
        self.trace.append("a late request arrives")
        self._current = None
        self._late.pop(index)()

    def _yield(self, actor: Actor) -> None:
        if not actor.dead:
            self._main.release()
            actor.baton.acquire()
        if actor.dead:
            raise CrashedError(actor.name)

    def _thread(self, actor: Actor) -> None:
        actor.baton.acquire()
        try:
            if not actor.dead:
                actor.body()
        except CrashedError:
            pass
        except BaseException as error:  # noqa: BLE001  the schedule hands it to the test
            actor.error = error
        actor.ended = True
        self._main.release()

    def _raise_errors(self) -> None:
        for actor in self._actors:
            if actor.error is not None:
                raise actor.error

    def _stop_all(self) -> None:
        for actor in self._actors:
            if not actor.ended:
                actor.dead = True
                actor.baton.release()
                self._main.acquire()


def _wake_time(actor: Actor) -> float:
    return actor.wakes_at if actor.wakes_at is not None else 0.0
