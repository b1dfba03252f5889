"""Storages to read through, and results in them that no task had to make."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, Owner, Result, new_nonce
from traintrack.action.job import Output
from traintrack.action.manifest import Entry, make_manifest
from traintrack.action.record import Record, Who, encode_record
from traintrack.digest import TargetId, content_digest
from traintrack.ports.storage import Seen, Storage
from traintrack.storages.local.store import LocalStorage
from traintrack.storages.through.reach import Read
from traintrack.storages.through.store import ThroughStorage
from traintrack.testing.memory_storage import MemoryStorage


class Named(MemoryStorage):
    """A storage in memory with a name of its own; `reads` of its cells counts the look-ups."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def reading(own: Storage, *others: Storage, patience_s: float = 5.0) -> ThroughStorage:
    return ThroughStorage(own, [Read(one.name, _opener(one)) for one in others], patience_s)


def put_result(storage: Any, id_: TargetId, content: bytes = b"bytes", **fields: Any) -> Result:
    """Make a result stand, as a run of ada's on another machine would."""
    seen = held(storage, id_)
    output = staged(storage, content)
    result = storage.artifacts.publish(output)
    record = Record(id_, {}, "//:t", "TTCONFIG.yaml:1:1", "test", Who("ada", "far"), artifact=result.artifact, **fields)
    result = replace(result, record=storage.kept.put(encode_record(record)))
    storage.cells.swap(seen, change.commit(cell_of(seen), result))
    return result


def held(storage: Storage, id_: TargetId, owner: Owner | None = None) -> Seen:
    """Hold a cell, publishing."""
    seen = storage.cells.read([id_])[id_]
    me = owner or Owner(new_nonce(), "r-far", "ada", "far")
    return storage.cells.swap(seen, change.publish(change.acquire(seen.cell, me), me))


def staged(storage: Any, content: bytes) -> Output:
    if isinstance(storage, LocalStorage):
        root = storage.staging.new_stage(f"s-{new_nonce()}") / "out"
        root.mkdir()
        (root / "out.txt").write_bytes(content)
        return Output(os.fspath(root), storage.staging.scan(root))
    return Output("memory", make_manifest([Entry("out.txt", size=len(content), digest=content_digest(content))]))


def cell_of(seen: Seen) -> Cell:
    assert seen.cell is not None
    return seen.cell


def stands(storage: Storage, id_: TargetId) -> Result | None:
    cell = storage.cells.read([id_])[id_].cell
    return cell.result if cell is not None and cell.state is CellState.DONE else None


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _opener(storage: Storage) -> Callable[[], Sequence[Storage]]:
    return lambda: (storage,)
