"""A storage that reads through others and tells which of their results it has refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from traintrack.digest import TargetId
from traintrack.ports.storage import Storage
from traintrack.ports.trust import Refusal, Refuses
from traintrack.storages.through.reach import Read
from traintrack.storages.through.store import ThroughStorage
from traintrack.storages.trust.refusals import Refusals


class VettingThrough(ThroughStorage):
    """The storages that are read note in `refusals` what they refuse; the own one tells for itself."""

    def __init__(self, own: Storage, reads: Sequence[Read], refusals: Refusals) -> None:
        super().__init__(own, reads)
        self._refusals = refusals

    def refusal(self, id_: TargetId) -> Refusal | None:
        """What was refused of an ID, here or there."""
        here = self.own.refusal(id_) if isinstance(self.own, Refuses) else None
        return here or self._refusals.of(id_)

    def hear_refusals(self, tell: Callable[[str], None]) -> None:
        """Tell each refusal once."""
        self._refusals.hear(tell)
        if isinstance(self.own, Refuses):
            self.own.hear_refusals(tell)
