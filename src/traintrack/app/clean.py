"""`clean`: remove what dead runs have left behind; never a result, a record or a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from traintrack.app.answers import CleanReport
from traintrack.app.environment import Environment


class Swept(Protocol):
    """What a storage removed."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the folders of attempts."""

    @property
    def files(self) -> int:
        """How many half-written files."""

    @property
    def sessions(self) -> int:
        """How many marks of dead processes."""

    @property
    def trash(self) -> int:
        """How many things that were moved out of the way."""

    @property
    def freed_bytes(self) -> int:
        """How much space became free."""


@runtime_checkable
class LeavesThings(Protocol):
    """A storage in which a run that dies leaves things; one without is always clean."""

    def stale_stages(self) -> tuple[Path, ...]:
        """Folders of attempts whose run is dead, sorted."""

    def sweep(self, keep: Collection[Path] = ()) -> Swept:
        """Remove what the dead have left, but the folders in `keep`."""


def clean(environment: Environment, *, dry_run: bool = False) -> CleanReport:
    """Remove the leftovers of dead runs from the storage, or say what would be removed.

    The folder of an attempt whose task still lives, though its run is dead, is spared: the next run ends
    that task in order and saves its checkpoint. Python environments are left alone, since they are a cache of
    all workspaces. A dry run tells the folders of attempts, which is where the bytes are.

    Raises:
        HostError: something cannot be removed.
    """
    storage = environment.storage
    if not isinstance(storage, LeavesThings):
        return CleanReport((), 0, dry_run)
    stale = storage.stale_stages()
    keep = _still_used(environment, stale)
    if dry_run:
        going = [stage for stage in stale if stage not in keep]
        return CleanReport(tuple(map(str, going)), sum(map(_size_bytes, going)), dry_run=True)
    swept = storage.sweep(keep)
    folders = {stage.name: str(stage) for stage in stale}
    removed = [folders.get(name, name) for name in swept.stages]
    counts = {"half-written": swept.files, "dead sessions": swept.sessions, "trash": swept.trash}
    removed += [f"{what}: {count}" for what, count in counts.items() if count]
    return CleanReport(tuple(removed), swept.freed_bytes)


def _still_used(environment: Environment, stages: Sequence[Path]) -> list[Path]:
    """Stages of flights that have a living task; a stage is named `<flight>.<attempt>[.out]~<session>`."""
    flights = {stage: stage.name.partition(".")[0] for stage in stages}
    living = environment.runner.find({flight for flight in flights.values() if flight}) if stages else {}
    return [stage for stage, flight in flights.items() if flight in living]


def _size_bytes(folder: Path) -> int:
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(here, name)).st_size
            except FileNotFoundError:
                continue  # Somebody else cleans as well.
    return total
