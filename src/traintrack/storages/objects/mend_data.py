"""Sets damaged data objects aside as a collector removes what nobody names, and puts a round right that was set back.

Between the look at an object and its delete somebody could store the right bytes under the same key, and name it. So
the round is raised first, and every publisher is waited for: afterwards nobody can name a key of a former round anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from traintrack.digest import TargetId
from traintrack.errors import GateError, HostError, IntegrityError
from traintrack.ports.verify import Mended
from traintrack.storages.objects.collector import Collector
from traintrack.storages.objects.collector_lease import CollectorLease, CollectorLostError
from traintrack.storages.objects.keys import digest_of, round_of
from traintrack.storages.objects.layout import is_data_key
from traintrack.storages.objects.quarantine import Quarantine
from traintrack.storages.objects.ranges import Ranges
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.objects.survey_bytes import ByteCheck
from traintrack.storages.objects.survey_reading import Reading


class DataMending:
    """Mends the data of one namespace. `naming` finds the IDs whose standing results name a key."""

    def __init__(
        self,
        reading: Reading,
        collector: Callable[[], Collector],
        lease: Callable[[], CollectorLease],
        naming: Callable[[Collection[str]], Mapping[TargetId, frozenset[str]]],
    ) -> None:
        self._reading, self._collector, self._lease, self._naming = reading, collector, lease, naming
        self._check = ByteCheck(Ranges(reading.bucket, reading.pace), reading.keys.data)
        self._quarantine = Quarantine(reading)

    def remove(self, keys: Collection[str]) -> list[Mended]:
        """Set aside those of the keys that have other bytes than their names say; missing ones are made again.

        Raises:
            HostError: the bucket cannot be written, or a collector is at work.
        """
        try:
            done = self._raised_above(keys)
            damaged = [key for key in keys if self._is_damaged(key)]
            return done + (self._removed(damaged) if damaged else [])
        except CollectorLostError as error:
            raise HostError("a collector has taken over", code="collector-busy", hint="let it finish first") from error

    def _removed(self, keys: Collection[str]) -> list[Mended]:
        collector = self._collector()
        mine = collector.take()
        try:
            mine = collector.raise_round(mine)
            collector.look()
            mine = collector.renew(mine)
        except (GateError, IntegrityError) as error:
            collector.leave(mine)
            return [Mended(key, f"stays: {error.message}") for key in keys]
        named = frozenset(key for keys_of in self._naming(keys).values() for key in keys_of)
        done = [self._set_aside(key, named) for key in keys]
        collector.leave(mine)
        return done

    def _set_aside(self, key: str, named: Collection[str]) -> Mended:
        if not self._is_damaged(key):
            return Mended(key, "was whole again")
        if key in named:
            return Mended(key, "stays: a result that was made meanwhile names it")
        return self._quarantine.set_aside(key)

    def _is_damaged(self, key: str) -> bool:
        """A file under its own name may go when no result names it any more: what it should be is not known then."""
        size = self._reading.size_bytes(key)
        if not is_data_key(key, self._reading.keys.data):
            return size is not None
        return size is not None and self._check.is_digest(key, size, digest_of(key)) is False

    def _raised_above(self, keys: Collection[str]) -> list[Mended]:
        """Count from above the highest of the keys, if the store was set back: no round may come twice."""
        highest = max((number for key in keys if (number := round_of(key)) is not None), default=0)
        rounds = Rounds(self._reading.bucket, self._reading.keys, self._reading.pace)
        try:
            if rounds.current() >= highest:
                return []
        except (HostError, IntegrityError) as error:
            return [Mended(self._reading.keys.collector, f"stays: {error.message}")]
        lease = self._lease()
        lease.leave(lease.hold(lease.take(), highest + 1))
        return [Mended(self._reading.keys.collector, f"counts from {highest + 1} now")]
