"""What a run that leaves does for those who wait: it names them, and leaves its checkpoint where they can fetch it.

In a cell a checkpoint is `<key>`, the runner's own name for it on the machine where it lies, or `<key>@<digest>` if it
was left in the storage as well (DESIGN 8).
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from traintrack.digest import TargetId
from traintrack.errors import HostError
from traintrack.execute.control import StopLevel
from traintrack.ports.checkpoints import CarriesCheckpoints, SharedCheckpoints, SharesCheckpoints
from traintrack.ports.runner import Runner
from traintrack.ports.storage import Storage, Want, Wants
from traintrack.ports.through import own_storage

NAMED = 3
"""So many of those who wait are named."""


class HandOver(Struct, frozen=True):
    """The parts of a storage and a runner that know of others; each is None where there is none."""

    wants: Wants | None = None
    shared: SharedCheckpoints | None = None
    carrier: CarriesCheckpoints | None = None

    def who_waits(self, id_: TargetId) -> tuple[Want, ...]:
        """Those who wait for an ID."""
        return self.wants.wants(id_) if self.wants is not None else ()

    def for_others(self, id_: TargetId, key: str | None) -> str | None:
        """Leave a checkpoint for those who wait, and return what the cell is to name; without them it stays here.

        A checkpoint that cannot be left is none: who goes on begins anew.
        """
        if key is None or self.shared is None or self.carrier is None or not self.who_waits(id_):
            return key
        path = self.carrier.checkpoint_path(key)
        if path is None:
            return key
        try:
            return self.shared.put(key, path) or key
        except HostError:
            return key

    def here(self, named: str | None) -> str | None:
        """Return the runner's key of a checkpoint that a cell names, fetched if it lies elsewhere."""
        if named is None or "@" not in named:
            return named
        key = named.rpartition("@")[0]
        if self.shared is None or self.carrier is None or self.carrier.checkpoint_path(key) is not None:
            return key
        try:
            place = self.carrier.place_for_checkpoint(key)
            return key if place is not None and self.shared.fetch(named, place) else None
        except (HostError, OSError):
            return None

    def drop(self, named: str | None, but: str | None = None) -> None:
        """Remove a checkpoint from the storage that its cell names no more."""
        if self.shared is not None and named is not None and "@" in named and named != but:
            self.shared.drop(named)


def hand_over(storage: Storage, runner: Runner) -> HandOver:
    """Return what a run over this storage and runner can do for others."""
    own = own_storage(storage)
    return HandOver(
        storage.cells if isinstance(storage.cells, Wants) else None,
        own.checkpoints if isinstance(own, SharesCheckpoints) else None,
        runner if isinstance(runner, CarriesCheckpoints) else None,
    )


def waiting_words(label: str, wants: Collection[Want], level: StopLevel) -> str:
    """Say who waits for a target of a run that was asked to stop, and what becomes of that."""
    people = sorted({f"{want.user}@{want.host}" for want in wants})
    more = f" and {len(people) - NAMED} more" if len(people) > NAMED else ""
    others = "1 other waits" if len(wants) == 1 else f"{len(wants)} others wait"
    they = "it will" if len(wants) == 1 else "they will"
    after = (
        f"{they} have its result, or go on with it if it is ended here"
        if level is StopLevel.DRAIN
        else f"{they} go on with it, from its checkpoint if it has sealed one"
    )
    return f"{others} for {label}: {', '.join(people[:NAMED])}{more}; {after}"
