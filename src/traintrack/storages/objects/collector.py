"""Removes the bytes that no cell names, beside any number of writers. Rules R7 to R9 in docs/explanation/protocol.md.

The steps are methods, to be called in this order; `collect` does. What makes them safe is the order:

1. `take` the round's object, `survey` the cells, and `let_go`: drop older `was`, evict what the policy gives up.
2. `raise_round`: from here on every publisher names keys of a round that this collector does not touch.
3. `look` at every cell until it does not publish, and note what it names.
4. `renew`: whoever lost the round's object meanwhile stops here.
5. `sweep` what has an older round and was not noted. Each delete may come as late as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, FreeReason, Phase
from traintrack.digest import TargetId
from traintrack.errors import GateError, IntegrityError
from traintrack.ports.objects import Bucket, Listed
from traintrack.ports.storage import CellConflictError, Cells, Seen
from traintrack.storages.objects.collector_lease import CollectorLease
from traintrack.storages.objects.keys import Keys, id_of, round_of
from traintrack.storages.objects.layouts import Layouts
from traintrack.storages.objects.pace import Pace, patiently
from traintrack.storages.objects.rounds import Rounds, SeenRound
from traintrack.storages.objects.silence import Rhythm

FENCE_AFTER_S = 3600.0
BATCH = 512
"""So many cells are looked at between two shows of life."""

T = TypeVar("T")
R = TypeVar("R")

Policy = Callable[[Seen], bool]
"""Says of a DONE cell that its bytes may go."""

Demand = Callable[[int, int, str], None]
"""Is told how many of how many of what are about to go, and raises what ends it."""

Spares = Callable[[Listed], bool]
"""Says of an object that it is too young to go."""


class Collected(Struct, frozen=True):
    """What one collection did; objects sorted by key."""

    round: int
    evicted: tuple[TargetId, ...]
    removed: tuple[Listed, ...]


class Collector:
    """One collector. `token` is random and names it; a second one, or one that was paused, does no harm.

    `readers` requests are in flight at once. `note` goes into cells that are freed.
    """

    def __init__(
        self,
        *,
        objects: Bucket,
        keys: Keys,
        cells: Cells,
        rounds: Rounds,
        layouts: Layouts,
        pace: Pace,
        token: str,
        rhythm: Rhythm | None = None,
        fence_after_s: float = FENCE_AFTER_S,
        readers: int = 1,
        note: str = "",
        demand: Demand = lambda _going, _whole, _what: None,
        spares: Spares = lambda _: False,
    ) -> None:
        self._objects, self._keys, self._pace = objects, keys, pace
        self._cells, self._layouts = cells, layouts
        self._rhythm = rhythm or Rhythm()
        self._lease = CollectorLease(rounds, keys.collector, pace, self._rhythm, token)
        self._fence_after_s = fence_after_s
        self._readers, self._note = readers, note
        self._demand, self._spares = demand, spares

    def collect(self, policy: Policy) -> Collected:
        """Do all steps.

        Raises:
            CollectorLostError: another collector took over; nothing was removed after that.
            GateError: too much would go at once; nothing was removed.
            IntegrityError: a cell or layout cannot be read; nothing was removed.
            HostError: another collector is at work, or the storage gave no clear answer.
        """
        mine = self.take()
        try:
            return self._collect(mine, policy)
        except (GateError, IntegrityError):
            self.leave(mine)
            raise

    def _collect(self, mine: SeenRound, policy: Policy) -> Collected:
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
        return self._lease.take()

    def survey(self) -> tuple[Seen, ...]:
        """Read all cells, sorted by ID.

        Raises:
            IntegrityError: one is damaged: what it names is not known, so nothing can be removed.
        """
        ids = [id_of(key) for key in self._list(self._keys.cells)]
        return tuple(self._cells.read(ids).values())

    def let_go(self, cells: tuple[Seen, ...], policy: Policy) -> tuple[TargetId, ...]:
        """Drop what cells named before, then evict what they name now.

        These are two writes: what is evicted is named by `was` from then on, and goes a round later. What somebody who holds a cell is reading stays. A cell that was changed meanwhile is left for the next time.
        Returns the IDs that were evicted.

        Raises:
            GateError: they are too many; none was evicted.
        """
        read = {a for s in cells if s.cell is not None for a in s.cell.inputs}
        done = [s for s in cells if s.cell is not None and s.cell.result is not None]
        going = {s.id for s in done if s.cell and s.cell.result and s.cell.result.artifact not in read and policy(s)}
        self._demand(len(going), len(done), "results")
        changing = [s for s in cells if s.id in going or (s.cell is not None and s.cell.was and not _is_held(s))]
        written = self._each(lambda seen: self._let_go(seen, evicts=seen.id in going), changing)
        return tuple(seen.id for seen, freed in zip(changing, written, strict=True) if freed)

    def _let_go(self, seen: Seen, *, evicts: bool) -> bool:
        """Change one cell that nobody holds; tell if its result was evicted."""
        try:
            if seen.cell is not None and seen.cell.was:
                seen = self._cells.swap(seen, change.forget(seen.cell))
            if not evicts or seen.cell is None:
                return False
            self._cells.swap(seen, change.evict(seen.cell, FreeReason.EVICTED, self._note))
        except CellConflictError:
            return False
        return True

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
        for named in self._each(lambda key: self._named(id_of(key)), self._list(self._keys.cells)):
            noted.update(named)
        return frozenset(noted)

    def renew(self, mine: SeenRound) -> SeenRound:
        """Show that this collector still is the one; only what was read before may be acted on.

        Raises:
            CollectorLostError: it is not.
        """
        return self._hold(mine, mine.round.number)

    def sweep(self, round_: int, noted: frozenset[str]) -> tuple[Listed, ...]:
        """Remove the objects of rounds before `round_` that were not noted; return them.

        A key that was not noted can never be named again, so it does not matter when a delete takes effect, nor
        whether this still is the collector.

        Raises:
            GateError: they are too many; none was removed.
        """
        unnamed, whole = [], 0
        for entry in self._entries(self._keys.data):
            whole += 1
            number = round_of(entry.key)
            if number is None or number >= round_ or entry.key in noted or self._spares(entry):
                continue
            unnamed.append(entry)
        self._demand(len(unnamed), whole, "objects")
        for _ in self._each(self._remove, [entry.key for entry in unnamed]):
            continue
        return tuple(unnamed)

    def unnamed(self) -> tuple[Listed, ...]:
        """The objects that a collection would remove now, and those of publishers at work. Removes nothing."""
        ids = [id_of(key) for key in self._list(self._keys.cells)]
        seen = self._cells.read(ids).values()
        # What a cell named before is dropped first, but where it is held.
        cells = [s.cell if _is_held(s) else replace(s.cell, was=()) for s in seen if s.cell is not None]
        noted = {key for keys in self._each(lambda cell: set(self._keys_of(cell)), cells) for key in keys}
        return tuple(entry for entry in self._entries(self._keys.data) if entry.key not in noted)

    def leave(self, mine: SeenRound) -> None:
        """Let the next collector begin at once."""
        self._lease.leave(mine)

    def _hold(self, mine: SeenRound, number: int) -> SeenRound:
        return self._lease.hold(mine, number)

    def _each(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Do the work on each, as many at once as may be, and show life in between."""
        if self._readers == 1:
            yield from map(work, items)
            return
        with ThreadPoolExecutor(self._readers, thread_name_prefix="traintrack-collect") as pool:
            for start in range(0, len(items), BATCH):
                yield from pool.map(work, items[start : start + BATCH])
                self._lease.show_life()

    def _remove(self, key: str) -> None:
        patiently(self._pace, f"remove `{key}`", lambda: self._objects.delete(key))

    def _settled(self, id_: TargetId) -> Seen:
        """Read a cell until it is seen not to publish; one that does so for too long is fenced.

        A fence costs its holder an upload, not an execution. A long task is not disturbed: only publishing cells are.
        """
        began = self._pace.monotonic()
        pause_s = self._rhythm.first_poll_s / 20
        while True:
            seen = self._cells.read([id_])[id_]
            if seen.cell is None or seen.cell.phase is not Phase.PUBLISHING:
                return seen
            if self._pace.monotonic() - began >= self._fence_after_s:
                self._write(seen, change.fence(seen.cell))
            else:
                self._pace.sleep(pause_s)
                pause_s = min(2 * pause_s, self._rhythm.longest_poll_s)
                if self._readers > 1:
                    self._lease.show_life()

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
                yield from self._layouts.keys(layout)
            except IntegrityError:
                continue  # What a cell named before is kept for who still reads it; damaged, nobody can.
        if cell.result is not None and cell.result.layout and not cell.result.home:
            yield cell.result.layout
            yield from self._layouts.keys(cell.result.layout)

    def _write(self, seen: Seen, cell: Cell) -> bool:
        try:
            self._cells.swap(seen, cell)
        except CellConflictError:
            return False
        return True

    def _list(self, prefix: str) -> tuple[str, ...]:
        return patiently(self._pace, f"list `{prefix}`", lambda: tuple(self._objects.list(prefix)))

    def _entries(self, prefix: str) -> Iterable[Listed]:
        return patiently(self._pace, f"list `{prefix}`", lambda: tuple(self._objects.entries(prefix)))


def _is_held(seen: Seen) -> bool:
    return seen.cell is not None and seen.cell.state is CellState.HELD
