"""Brings pinned external data of a local disk into the storage, so that tasks read what was pinned."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from traintrack.action.action import ExternalData
from traintrack.action.cell import CellState, Owner, new_nonce
from traintrack.action.job import Output
from traintrack.action.record import Record, Who, encode_record
from traintrack.app.environment import Environment
from traintrack.app.source_scan import scan_source
from traintrack.app.tree_copy import copy_tree
from traintrack.errors import InputError, IntegrityError
from traintrack.execute import lease as leases
from traintrack.execute.lease import SupersededError
from traintrack.ports.storage import Liveness, Seen

WAIT_S = 1.0


def import_sources(
    sources: Iterable[ExternalData], environment: Environment, root: Path, owner: Owner, who: Who
) -> tuple[str, ...]:
    """Copy what is not in the storage yet, checked against its pin, and return the labels that were brought in.

    `root` is the workspace's folder, which relative paths start from.

    Raises:
        InputError: the data is not there, is not what was pinned, or lies where this version cannot read.
        HostError: it cannot be read or copied.
    """
    return tuple(
        source.provenance.label
        for source in sources
        if _until_it_stands(source, environment, root, replace(owner, token=new_nonce()), who)
    )


def _until_it_stands(source: ExternalData, environment: Environment, root: Path, owner: Owner, who: Who) -> bool:
    """Bring one in, or wait for the run that does; the value tells if it was this one."""
    cells = environment.storage.cells
    while True:
        seen = cells.read((source.id,))[source.id]
        if seen.cell is not None and seen.cell.state is CellState.DONE:
            return False
        holder = seen.cell.owner if seen.cell is not None else None
        if holder is not None and cells.liveness(holder) is not Liveness.GONE:
            cells.wait([seen], WAIT_S)
        elif _bring(source, seen, environment, root, owner, who):
            return True


def _bring(source: ExternalData, seen: Seen, environment: Environment, root: Path, owner: Owner, who: Who) -> bool:
    place = _place(source, root)
    manifest = scan_source(place)
    if manifest.digest() != source.content:
        raise IntegrityError(
            f"`{source.uri}` is not what it was pinned to: {manifest.digest()[:12]} and not {(source.content or '')[:12]}",
            code="source-changed",
            hint=f"bring the pinned data back, or pin what is there now: traintrack lock --update {source.provenance.label}",
        )
    staged = environment.staging.new_stage(f"source-{source.id[:16]}-{new_nonce()[:8]}")
    os.rmdir(staged)
    copy_tree(place if place.is_dir() else place.parent, manifest, staged)
    checked = environment.staging.scan(staged)
    if checked.digest() != source.content:
        raise IntegrityError(f"`{source.uri}` changed while it was read", code="source-changed", hint="run again")
    return _commit(source, seen, Output(str(staged), checked), environment, owner, who)


def _commit(source: ExternalData, seen: Seen, output: Output, environment: Environment, owner: Owner, who: Who) -> bool:
    storage = environment.storage
    try:
        if seen.cell is not None and seen.cell.state is CellState.HELD:
            lease = leases.take_over(storage.cells, seen, owner)
        else:
            lease = leases.acquire(storage.cells, seen, owner, ())
        lease = leases.start_publishing(storage.cells, lease)
        result = storage.artifacts.publish(output)
        record = Record(
            id=source.id,
            preimage={"uri": source.uri, "content": source.content},
            label=source.provenance.label,
            place=source.provenance.place,
            workspace=source.provenance.workspace,
            who=who,
            artifact=result.artifact,
            manifest=result.manifest,
            files=output.manifest.files,
            size_bytes=output.manifest.size_bytes,
            runner="import",
        )
        leases.commit(storage.cells, lease, replace(result, record=storage.kept.put(encode_record(record))))
    except SupersededError:
        storage.artifacts.discard(output)
        return False
    return True


def _place(source: ExternalData, root: Path) -> Path:
    if "://" in source.uri or source.content is None or not source.imported:
        raise InputError(
            f"`{source.uri}` lies where this version cannot read",
            code="unsupported",
            hint="use a path of this machine with `pin: content`",
        )
    path = Path(source.uri).expanduser()
    return path if path.is_absolute() else root / path
