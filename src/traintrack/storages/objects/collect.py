"""The collector of a bucket, as who calls it sees it; its steps are in `collector.py`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial

from traintrack.action.cell import new_nonce
from traintrack.errors import HostError
from traintrack.ports.collect import Collected, Loose, Terms
from traintrack.ports.objects import Bucket, Listed
from traintrack.ports.storage import Seen
from traintrack.storages.objects.cells import ObjectCells
from traintrack.storages.objects.collector import Collector, Spares
from traintrack.storages.objects.collector_lease import CollectorLease, CollectorLostError
from traintrack.storages.objects.keys import HANDOVER, LIVE, Keys
from traintrack.storages.objects.known_cells import Evictions
from traintrack.storages.objects.layouts import Layouts
from traintrack.storages.objects.pace import Pace, patiently
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.objects.silence import Rhythm

READERS = 64

LEAVINGS_STAY_S = 30 * 86_400.0
"""What a run leaves for others is taken in minutes, or never."""


class ObjectCollecting:
    """Collects one namespace. `evictions` tells those who remember cells that some have lost their results."""

    def __init__(
        self, objects: Bucket, keys: Keys, cells: ObjectCells, evictions: Evictions, pace: Pace, rhythm: Rhythm
    ) -> None:
        self._objects, self._keys, self._cells = objects, keys, cells
        self._evictions, self._pace, self._rhythm = evictions, pace, rhythm

    def survey(self) -> tuple[Seen, ...]:
        """Read every cell of the namespace, sorted by ID.

        Raises:
            IntegrityError: one is damaged.
            HostError: there was no clear answer until the deadline.
        """
        return self._collector(Terms()).survey()

    def loose(self) -> Loose:
        """Count the objects that no cell names but in what it named before; those of publishers at work are among them.

        Raises:
            IntegrityError: a cell or a layout is damaged.
            HostError: there was no clear answer until the deadline.
        """
        found = self._collector(Terms()).unnamed()
        return Loose(len(found), sum(entry.size_bytes for entry in found))

    def collect(self, chosen: Collection[Seen], terms: Terms) -> Collected:
        """Free cells, and remove what none names; the bytes of what is freed now go with the next collection.

        Raises:
            GateError: more than `terms` allow would go.
            IntegrityError: a cell or a layout cannot be read; nothing was removed.
            HostError: another collector is at work or took over, or the storage gave no clear answer.
        """
        versions = {seen.id: seen.version for seen in chosen}
        try:
            # One word before all evictions and one after, however many there are.
            with self._evictions.going_on():
                done = self._collector(terms).collect(lambda seen: versions.get(seen.id) == seen.version)
        except CollectorLostError as error:
            raise HostError(
                "another collector has taken over", code="collector-busy", hint="let it finish, or try again later"
            ) from error
        spared = sorted(versions.keys() - set(done.evicted))
        removed = [*done.removed, *self._remove_leavings()]
        freed = sum(entry.size_bytes for entry in removed)
        return Collected(tuple(sorted(done.evicted)), tuple(spared), len(removed), freed)

    def collector(self) -> Collector:
        """A collector of the usual terms, for who removes what it has found to be damaged."""
        return self._collector(Terms())

    def lease(self) -> CollectorLease:
        """A hold of the round's object."""
        rounds = Rounds(self._objects, self._keys, self._pace)
        return CollectorLease(rounds, self._keys.collector, self._pace, self._rhythm, new_nonce())

    def _collector(self, terms: Terms) -> Collector:
        return Collector(
            objects=self._objects,
            keys=self._keys,
            cells=self._cells,
            rounds=Rounds(self._objects, self._keys, self._pace),
            layouts=Layouts(self._objects, self._keys, self._pace),
            pace=self._pace,
            token=new_nonce(),
            rhythm=self._rhythm,
            fence_after_s=terms.fence_after_s,
            readers=READERS,
            note=terms.note,
            demand=terms.demand,
            spares=self._younger_than(terms.grace_s),
        )

    def _remove_leavings(self) -> list[Listed]:
        """Remove what runs that were killed have left beside the cells: pieces of logs, checkpoints on their way, wants."""
        spares = self._younger_than(LEAVINGS_STAY_S)
        found = [entry for prefix in (LIVE, HANDOVER, self._keys.all_wants) for entry in self._listed(prefix)]
        old = [entry for entry in found if not spares(entry)]
        for entry in old:
            patiently(self._pace, f"remove `{entry.key}`", partial(self._objects.delete, entry.key))
        return old

    def _listed(self, prefix: str) -> list[Listed]:
        return patiently(self._pace, f"list `{prefix}`", lambda: list(self._objects.entries(prefix)))

    def _younger_than(self, grace_s: float) -> Spares:
        """Compare times of the store's own clock: that of an object, and that of the lease as it was renewed last."""
        now: list[datetime] = []

        def spares(entry: Listed) -> bool:
            if grace_s <= 0:
                return False
            if not now:
                now.append(self._store_time())
            return (now[0] - datetime.fromisoformat(entry.modified)).total_seconds() < grace_s

        return spares

    def _store_time(self) -> datetime:
        return datetime.fromisoformat(self._listed(self._keys.collector)[0].modified)
