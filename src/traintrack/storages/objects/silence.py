"""Tells a dead holder from a living one by what is seen of its cell, on the observer's own monotonic clock.

Silence is the sum of the gaps between successive successful reads of an unchanged version. Each gap counts at most
two poll intervals, so an observer that was suspended or cut off does not take its own absence for the holder's.
"""

from __future__ import annotations

import threading

from msgspec import Struct

from traintrack.digest import TargetId
from traintrack.ports.storage import Liveness
from traintrack.storages.objects.pace import Pace


class Rhythm(Struct, frozen=True):
    """How often holders beat and waiters look, in seconds.

    A holder is gone after `silence_s` and at least `least_reads` reads; each observer adds up to one heartbeat
    of its own to that, so that not all of them take over at once.
    """

    heartbeat_s: float = 10.0
    first_poll_s: float = 1.0
    longest_poll_s: float = 5.0
    least_reads: int = 5

    @property
    def silence_s(self) -> float:
        """Six heartbeats: five may be lost."""
        return 6 * self.heartbeat_s


class _Watch(Struct):
    version: str
    holder: str
    read_at: float
    patience_s: float
    poll_s: float
    silent_s: float = 0.0
    reads: int = 1
    moved: bool = False


class Silence:
    """What one process has seen of the cells that others hold. Safe between threads."""

    def __init__(self, pace: Pace, rhythm: Rhythm) -> None:
        self._pace, self._rhythm = pace, rhythm
        self._guard = threading.Lock()
        self._watches: dict[str, _Watch] = {}
        self._places: dict[str, str] = {}

    def observe(self, place: str | TargetId, version: str, holder: str | None) -> None:
        """Note a successful read of a cell; `holder` is the token of who holds it, None if nobody does."""
        now = self._pace.monotonic()
        with self._guard:
            before = self._watches.get(place)
            if holder is None:
                self._forget(place)
            elif before is None or before.version != version:
                self._begin(place, version, holder, before, now)
            else:
                before.silent_s += min(now - before.read_at, 2 * before.poll_s)
                before.read_at, before.reads = now, before.reads + 1
                before.poll_s = min(before.poll_s * 1.5, self._rhythm.longest_poll_s)

    def liveness(self, holder: str) -> Liveness:
        """Tell what is known of a holder by its token: UNKNOWN until it was seen to beat or was silent for long enough."""
        with self._guard:
            watch = self._watches.get(self._places.get(holder, ""))
            if watch is None:
                return Liveness.UNKNOWN
            if watch.silent_s >= watch.patience_s and watch.reads >= self._rhythm.least_reads:
                return Liveness.GONE
            return Liveness.ALIVE if watch.moved else Liveness.UNKNOWN

    def poll_s(self, place: str | TargetId) -> float:
        """How long to wait before the next look at a cell."""
        with self._guard:
            watch = self._watches.get(place)
            return watch.poll_s if watch else self._rhythm.first_poll_s

    def _begin(self, place: str, version: str, holder: str, before: _Watch | None, now: float) -> None:
        same = before is not None and before.holder == holder
        patience_s = self._rhythm.silence_s + self._rhythm.heartbeat_s * self._pace.spread()
        self._forget(place)
        # A beat says that the holder goes on, so that no hurry begins with it.
        poll_s = before.poll_s if same and before is not None else self._rhythm.first_poll_s
        self._watches[place] = _Watch(version, holder, now, patience_s, poll_s, moved=same)
        self._places[holder] = place

    def _forget(self, place: str) -> None:
        watch = self._watches.pop(place, None)
        if watch is not None:
            self._places.pop(watch.holder, None)
