"""Removes the bytes that no cell names, beside any number of writers. Rules R7 to R9 in docs/explanation/protocol.md.

The steps are methods, to be called in this order; `collect` does. What makes them safe is the order:

1. `take` the round's object, `survey` the cells, and `let_go`: drop older `was`, evict what the policy gives up.
2. `raise_round`: from here on every publisher names keys of a round that this collector does not touch.
3. `look` at every cell until it does not publish, and note what it names.
4. `renew`: whoever lost the round's object meanwhile stops here.
5. `sweep` what has an older round and was not noted. Each delete may come as late as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, FreeReason, Phase
from traintrack.digest import TargetId
from traintrack.errors import HostError, IntegrityError
from traintrack.ports.objects import Objects
from traintrack.ports.storage import CellConflictError, Cells, Liveness, Seen
from traintrack.storages.objects.blobs import BlobPublisher
from traintrack.storages.objects.keys import Keys, id_of, round_of
from traintrack.storages.objects.pace import Pace, patiently
from traintrack.storages.objects.rounds import RoundConflictError, Rounds, SeenRound
from traintrack.storages.objects.silence import Rhythm, Silence

FENCE_AFTER_S = 3600.0
PATIENCE_S = 600.0

Policy = Callable[[Cell], bool]
"""Says of a DONE cell that its bytes may go."""


class CollectorLostError(Exception):
    """Another collector has taken over; nothing may be removed on what was seen before."""


class Collected(Struct, frozen=True):
    """What one collection did; keys sorted."""

    round: int
    evicted: tuple[TargetId, ...]
    removed: tuple[str, ...]


class Collector:
    """One collector. `token` is random and names it; a second one, or one that was paused, does no harm."""

    def __init__(
        self,
        *,
        objects: Objects,
        keys: Keys,
        cells: Cells,
        rounds: Rounds,
        blobs: BlobPublisher,
        pace: Pace,
        token: str,
        rhythm: Rhythm | None = None,
        fence_after_s: float = FENCE_AFTER_S,
    ) -> None:
        self._objects, self._keys, self._pace = objects, keys, pace
        self._cells, self._rounds, self._blobs = cells, rounds, blobs
        self._token = token
        self._rhythm = rhythm or Rhythm()
        self._silence = Silence(pace, self._rhythm)
        self._fence_after_s = fence_after_s

    def collect(self, policy: Policy) -> Collected:
        """Do all steps.

        Raises:
            CollectorLostError: another collector took over; nothing was removed after that.
            IntegrityError: a cell or layout cannot be read; nothing was removed.
            HostError: another collector is at work, or the storage gave no clear answer.
        """
        mine = self.take()
        cells = self.survey()
        mine = self.renew(mine)
        evicted = self.let_go(cells, policy)
        mine = self.raise_round(mine)
        noted = self.look()
        mine = self.renew(mine)
        removed = self.sweep(mine.round.number, noted)
        self.leave(mine)
        return Collected(mine.round.number, evicted, removed)

    def take(self) -> SeenRound:
        """Take the round's object, from a collector that is silent if need be.

        Raises:
            HostError: another collector is at work.
        """
        until = self._pace.monotonic() + PATIENCE_S
        seen = self._rounds.read()
        while True:
            holder = seen.round.owner
            self._silence.observe(self._keys.collector, seen.etag, holder or None)
            if holder in ("", self._token) or self._silence.liveness(holder) is Liveness.GONE:
                try:
                    return self._rounds.swap(seen, seen.round.number, self._token)
                except RoundConflictError as conflict:
                    seen = conflict.seen
                    continue
            if self._pace.monotonic() > until:
                raise HostError(
                    "another collector is at work", code="collector-busy", hint="let it finish, or try again later"
                )
            self._pace.sleep(self._silence.poll_s(self._keys.collector))
            seen = self._rounds.read()

    def survey(self) -> tuple[Seen, ...]:
        """Read all cells, sorted by ID.

        Raises:
            IntegrityError: one is damaged: what it names is not known, so nothing can be removed.
        """
        ids = [id_of(key) for key in self._list(self._keys.cells)]
        return tuple(self._cells.read(ids).values())

    def let_go(self, cells: tuple[Seen, ...], policy: Policy) -> tuple[TargetId, ...]:
        """Drop what cells named before, or evict what they name now; never both, so that evicted bytes go a round later.

        What somebody who holds a cell is reading stays. A cell that was changed meanwhile is left for the next time.
        Returns the IDs that were evicted.
        """
        read = {a for s in cells if s.cell is not None for a in s.cell.inputs}
        evicted = []
        for seen in cells:
            cell = seen.cell
            if cell is None or cell.state is CellState.HELD:
                continue
            if cell.result is not None and cell.result.artifact not in read and policy(cell):
                if self._write(seen, change.evict(cell, FreeReason.EVICTED)):
                    evicted.append(seen.id)
            elif cell.was:
                self._write(seen, change.forget(cell))
        return tuple(evicted)

    def raise_round(self, mine: SeenRound) -> SeenRound:
        """Raise the round: one compare-and-swap that also shows that no other collector came in between.

        Raises:
            CollectorLostError: one did.
        """
        return self._hold(mine, mine.round.number + 1)

    def look(self) -> frozenset[str]:
        """Look at each cell until it does not publish, and return all keys that the cells name.

        Raises:
            IntegrityError: a cell or a layout that a DONE cell names cannot be read.
        """
        noted: set[str] = set()
        for key in self._list(self._keys.cells):
            noted.update(self._named(id_of(key)))
        return frozenset(noted)

    def renew(self, mine: SeenRound) -> SeenRound:
        """Show that this collector still is the one; only what was read before may be acted on.

        Raises:
            CollectorLostError: it is not.
        """
        return self._hold(mine, mine.round.number)

    def sweep(self, round_: int, noted: frozenset[str]) -> tuple[str, ...]:
        """Remove the keys of rounds before `round_` that were not noted; return them.

        A key that was not noted can never be named again, so it does not matter when a delete takes effect.
        """
        removed = []
        for key in self._list(self._keys.data):
            number = round_of(key)
            if number is None or number >= round_ or key in noted:
                continue
            patiently(self._pace, f"remove `{key}`", lambda key=key: self._objects.delete(key))  # type: ignore[misc]
            removed.append(key)
        return tuple(removed)

    def leave(self, mine: SeenRound) -> None:
        """Let the next collector begin at once; that another has begun already is no matter."""
        try:
            self._rounds.swap(mine, mine.round.number, "")
        except RoundConflictError:
            return

    def _hold(self, mine: SeenRound, number: int) -> SeenRound:
        try:
            return self._rounds.swap(mine, number, self._token)
        except RoundConflictError as conflict:
            raise CollectorLostError(str(conflict)) from conflict

    def _settled(self, id_: TargetId) -> Seen:
        """Read a cell until it is seen not to publish; one that does so for too long is fenced.

        A fence costs its holder an upload, not an execution. A long task is not disturbed: only publishing cells are.
        """
        began = self._pace.monotonic()
        while True:
            seen = self._cells.read([id_])[id_]
            if seen.cell is None or seen.cell.phase is not Phase.PUBLISHING:
                return seen
            if self._pace.monotonic() - began >= self._fence_after_s:
                self._write(seen, change.fence(seen.cell))
            else:
                self._pace.sleep(self._rhythm.longest_poll_s)

    def _named(self, id_: TargetId) -> set[str]:
        """All keys that a cell names once it does not publish, read again if it changed under the reading."""
        while True:
            seen = self._settled(id_)
            if seen.cell is None:
                return set()
            try:
                return set(self._keys_of(seen.cell))
            except IntegrityError:
                if self._cells.read([id_])[id_].version == seen.version:
                    raise

    def _keys_of(self, cell: Cell) -> Iterator[str]:
        for layout in cell.was:
            yield layout
            try:
                yield from self._blobs.blobs(layout).values()
            except IntegrityError:
                continue  # What a cell named before is kept for who still reads it; damaged, nobody can.
        if cell.result is not None and cell.result.layout:
            yield cell.result.layout
            yield from self._blobs.blobs(cell.result.layout).values()

    def _write(self, seen: Seen, cell: Cell) -> bool:
        try:
            self._cells.swap(seen, cell)
        except CellConflictError:
            return False
        return True

    def _list(self, prefix: str) -> tuple[str, ...]:
        return patiently(self._pace, f"list `{prefix}`", lambda: tuple(self._objects.list(prefix)))
