"""`clean`: remove what dead runs have left behind, and old failed attempts; never a result, a record or a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from traintrack.action.cell import CellState
from traintrack.action.job import Handle
from traintrack.app.answers import CleanReport
from traintrack.app.environment import Environment
from traintrack.digest import TargetId
from traintrack.errors import HostError
from traintrack.ports.runner import AdoptsJobs, TidiesUp
from traintrack.ports.storage import Seen
from traintrack.runners.contract.stage import remove_tree


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


class AttemptScope(Enum):
    """Which failed attempts are removed: those beyond the limits of age and size, or all."""

    OLD = "old"
    ALL = "all"


def clean(environment: Environment, attempts: AttemptScope = AttemptScope.OLD, *, dry_run: bool = False) -> CleanReport:
    """Remove the leftovers of dead runs and old failed attempts from the storage, or say what would be removed.

    The folder of an attempt whose task still lives, though its run is dead, is spared: the next run ends
    that task in order and saves its checkpoint. Python environments are left alone, since they are a cache of
    all workspaces. A dry run tells the folders of attempts, which is where the bytes are.

    Raises:
        HostError: something cannot be removed.
    """
    storage, kept = environment.storage, environment.attempts
    unwanted = _unwanted_jobs(environment)
    failed = [Path(path) for path in (kept.folders() if attempts is AttemptScope.ALL else kept.going())]
    stale = storage.stale_stages() if isinstance(storage, LeavesThings) else ()
    keep = _still_used(environment, stale, unwanted)
    containers = [f"containers: {len(unwanted)}"] if unwanted else []
    if dry_run:
        going = [*(stage for stage in stale if stage not in keep), *failed]
        return CleanReport((*map(str, going), *containers), sum(map(_size_bytes, going)), dry_run=True)
    if unwanted:
        environment.runner.stop(unwanted, 0.0)
    if isinstance(environment.runner, TidiesUp):
        environment.runner.tidy_up()
    freed = _removed(failed)
    if not isinstance(storage, LeavesThings):
        return CleanReport((*map(str, failed), *containers), freed)
    swept = storage.sweep(keep)
    folders = {stage.name: str(stage) for stage in stale}
    removed = [*(folders.get(name, name) for name in swept.stages), *map(str, failed)]
    counts = {"half-written": swept.files, "dead sessions": swept.sessions, "trash": swept.trash}
    removed += [f"{what}: {count}" for what, count in counts.items() if count]
    return CleanReport((*removed, *containers), freed + swept.freed_bytes)


def _unwanted_jobs(environment: Environment) -> list[Handle]:
    """Jobs in containers that no process watches and no cell waits for: their target was made otherwise, or given up."""
    runner = environment.runner
    jobs = runner.abandoned() if isinstance(runner, AdoptsJobs) else {}
    ids = {TargetId(id_) for id_, _ in jobs.values()}
    cells = environment.storage.cells.read(ids) if ids else {}
    return [handle for handle, (id_, flight) in jobs.items() if not _is_wanted(cells[TargetId(id_)], flight)]


def _is_wanted(seen: Seen, flight: str) -> bool:
    return seen.cell is not None and seen.cell.state is CellState.HELD and seen.cell.flight == flight


def _removed(folders: Sequence[Path]) -> int:
    """Remove folders and return the bytes that they took."""
    freed = 0
    for folder in folders:
        freed += _size_bytes(folder)
        try:
            remove_tree(str(folder))
        except OSError as error:
            raise HostError(
                f"`{folder}` cannot be removed: {(error.strerror or str(error)).lower()}",
                code="clean-failed",
                hint=f"see who owns it: ls -ld {folder}",
            ) from error
    return freed


def _still_used(environment: Environment, stages: Sequence[Path], unwanted: Collection[Handle]) -> list[Path]:
    """Stages of flights that have a living task; a stage is named `<flight>.<attempt>[.out]~<session>`."""
    flights = {stage: stage.name.partition(".")[0] for stage in stages}
    living = environment.runner.find({flight for flight in flights.values() if flight}) if stages else {}
    wanted = {flight for flight, handle in living.items() if handle not in unwanted}
    return [stage for stage, flight in flights.items() if flight in wanted]


def _size_bytes(folder: Path) -> int:
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(here, name)).st_size
            except FileNotFoundError:
                continue  # Somebody else cleans as well.
    return total
