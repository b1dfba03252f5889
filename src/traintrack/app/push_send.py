"""Sends one result from a storage to another, through their ports alone: bytes, log and record before the cell."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.cell import CellState, Owner, Result, new_nonce
from traintrack.action.job import Output
from traintrack.app.push_order import Holding
from traintrack.app.tree_copy import copy_tree
from traintrack.digest import ArtifactDigest
from traintrack.errors import IntegrityError
from traintrack.execute import lease as leases
from traintrack.execute.lease import Lease, SupersededError
from traintrack.ports.storage import Liveness, Seen, Staging, Storage


class Receiver(Struct, frozen=True):
    """Where results are sent: a storage, its stages, and the run that is present in it."""

    storage: Storage
    staging: Staging
    owner: Owner


def stands_as(seen: Seen) -> ArtifactDigest | None:
    """The artifact of a cell that has a result."""
    done = seen.cell is not None and seen.cell.state is CellState.DONE
    return seen.cell.result.artifact if done and seen.cell and seen.cell.result else None


def send(own: Storage, holding: Holding, there: Receiver) -> Seen | None:
    """Make a result stand in another storage with the same record; None if it does now.

    Returns how the cell stands if another holds it, or was first: nothing that is DONE is ever replaced.

    Raises:
        IntegrityError: the own bytes are damaged.
        HostError: one of the storages cannot be used.
    """
    cells = there.storage.cells
    seen = cells.read((holding.id,))[holding.id]
    if seen.cell is not None and seen.cell.state is CellState.DONE:
        return seen
    owner = replace(there.owner, token=new_nonce())
    try:
        lease = _taken(there.storage, seen, owner)
    except SupersededError as lost:
        return lost.seen
    try:
        lease = leases.start_publishing(cells, lease)
        result = _stored(own, holding, there)
        leases.commit(cells, lease, result)
    except SupersededError as lost:
        return lost.seen
    except BaseException:
        leases.release(cells, lease)
        raise
    if holding.record.action_key is not None:
        there.storage.ledger.put_hint(holding.record.action_key, holding.id)
    return None


def _taken(storage: Storage, seen: Seen, owner: Owner) -> Lease:
    """Hold the cell.

    Raises:
        SupersededError: another holds it and lives.
    """
    cell = seen.cell
    if cell is None or cell.state is not CellState.HELD:
        return leases.acquire(storage.cells, seen, owner, ())
    if cell.owner is not None and storage.cells.liveness(cell.owner) is not Liveness.GONE:
        raise SupersededError(seen)
    return leases.take_over(storage.cells, seen, owner)


def _stored(own: Storage, holding: Holding, there: Receiver) -> Result:
    """Put bytes, logs and record there."""
    words = own.artifacts.fetch(holding.result)
    if words is not None:
        raise IntegrityError(
            f"the result of `{holding.record.label}` is damaged: {words}",
            code="artifact-damaged",
            hint=f"traintrack verify --repair {holding.record.label} && traintrack run {holding.record.label}",
        )
    stage = there.staging.new_stage(f"push-{holding.id[:16]}-{new_nonce()[:8]}")
    try:
        _put_logs(own, holding, there, stage)
        os.rmdir(stage)
        manifest = own.artifacts.manifest(holding.result)
        copy_tree(own.artifacts.path(holding.result.artifact), manifest, stage)
        result = there.storage.artifacts.publish(Output(str(stage), manifest, placing=holding.record.layout))
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    if result.artifact != holding.result.artifact:
        raise IntegrityError(
            f"the result of `{holding.record.label}` changed while it was pushed",
            code="push-changed",
            hint="push again",
        )
    return replace(result, record=there.storage.kept.put(holding.record_data))


def _put_logs(own: Storage, holding: Holding, there: Receiver, stage: Path) -> None:
    """Copies: `put_log` may move what it is given."""
    for note in holding.record.attempts:
        log = own.ledger.log(note.log) if note.log else None
        if note.log and log is not None and there.storage.ledger.log(note.log) is None:
            copy = stage / "log"
            shutil.copyfile(log, copy)
            there.storage.ledger.put_log(note.log, copy)
            copy.unlink(missing_ok=True)
