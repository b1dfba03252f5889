"""The collector's hold of the round's object: one collector at a time is at work, and one that is silent is replaced."""

from __future__ import annotations

import threading

from traintrack.errors import HostError
from traintrack.ports.storage import Liveness
from traintrack.storages.objects.pace import Pace
from traintrack.storages.objects.rounds import RoundConflictError, Rounds, SeenRound
from traintrack.storages.objects.silence import Rhythm, Silence

PATIENCE_S = 600.0


class CollectorLostError(Exception):
    """Another collector has taken over; nothing may be removed on what was seen before."""


class CollectorLease:
    """One hold, named by `token`. Safe between threads; every write is compared with one's own last one."""

    def __init__(self, rounds: Rounds, key: str, pace: Pace, rhythm: Rhythm, token: str) -> None:
        self._rounds, self._key, self._pace, self._rhythm, self._token = rounds, key, pace, rhythm, token
        self._silence = Silence(pace, rhythm)
        self._guard = threading.Lock()
        self._latest: SeenRound | None = None
        self._shown_at = pace.monotonic()

    def take(self) -> SeenRound:
        """Take the round's object, from a collector that is silent if need be.

        Raises:
            HostError: another collector is at work.
        """
        until = self._pace.monotonic() + PATIENCE_S
        seen = self._rounds.read()
        while True:
            holder = seen.round.owner
            self._silence.observe(self._key, seen.etag, holder or None)
            if holder in ("", self._token) or self._silence.liveness(holder) is Liveness.GONE:
                try:
                    return self._written(self._rounds.swap(seen, seen.round.number, self._token))
                except RoundConflictError as conflict:
                    seen = conflict.seen
                    continue
            if self._pace.monotonic() > until:
                raise HostError(
                    "another collector is at work", code="collector-busy", hint="let it finish, or try again later"
                )
            self._pace.sleep(self._silence.poll_s(self._key))
            seen = self._rounds.read()

    def hold(self, mine: SeenRound, number: int) -> SeenRound:
        """Write the round anew; `mine` is what `take` returned, or a later write.

        Raises:
            CollectorLostError: another collector came in between.
        """
        with self._guard:
            latest = self._latest or mine
            try:
                return self._written(self._rounds.swap(latest, number, self._token))
            except RoundConflictError as conflict:
                raise CollectorLostError(str(conflict)) from conflict

    def show_life(self) -> None:
        """Write it anew where a heartbeat has passed: a long look must not be taken for a dead collector.

        Raises:
            CollectorLostError: another collector came in between.
        """
        latest = self._latest
        if latest is not None and self._pace.monotonic() - self._shown_at >= self._rhythm.heartbeat_s:
            self.hold(latest, latest.round.number)

    def leave(self, mine: SeenRound) -> None:
        """Let the next collector begin at once; that another has begun already is no matter."""
        latest = self._latest or mine
        try:
            self._rounds.swap(latest, latest.round.number, "")
        except RoundConflictError:
            return

    def _written(self, mine: SeenRound) -> SeenRound:
        self._latest, self._shown_at = mine, self._pace.monotonic()
        return mine
