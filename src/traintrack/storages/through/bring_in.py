"""Lets a result that stands elsewhere stand here too: its record and file list are copied, of its artifact no byte.

The cell here becomes DONE with a result whose `home` names the storage that has the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, Owner, Phase, Result, new_nonce
from traintrack.action.record import decode_record
from traintrack.ports.storage import CellConflictError, GroupCommits, Liveness, Seen, Storage
from traintrack.storages.through.elsewhere import Found

READERS: Final = 16


class Wanted(Struct, frozen=True):
    """A cell here that is to be DONE, and what was found elsewhere."""

    seen: Seen
    found: Found


def may_take(own: Storage, seen: Seen) -> bool:
    """Tell if a cell here is there to be taken: nobody has a result, holds it, or has left a job behind.

    A dead holder who was publishing had no job any more; what any other has left is for the executor to end.
    """
    cell = seen.cell
    if cell is None or cell.state is CellState.FREE:
        return True
    if cell.state is not CellState.HELD or cell.phase is not Phase.PUBLISHING or cell.owner is None:
        return False
    return own.cells.liveness(cell.owner) is Liveness.GONE


def bring_in(own: Storage, owner: Owner, wanted: Sequence[Wanted]) -> None:
    """Make results of other storages stand here. What another takes meanwhile is his, and what is damaged is left.

    Raises:
        HostError: the own storage cannot be written.
    """
    copied = [(one.seen, result) for one, result in zip(wanted, _copied(own, wanted), strict=True) if result]
    held = [(now, result) for seen, result in copied if (now := _taken(own, owner, seen)) is not None]
    _commit(own, [(now, change.commit(now.cell, result)) for now, result in held if now.cell is not None])


def _copied(own: Storage, wanted: Sequence[Wanted]) -> list[Result | None]:
    distant = any(one.found.storage.cells.heartbeat_s is not None for one in wanted)
    if len(wanted) == 1 or not distant:
        return [_copy(own, one) for one in wanted]
    with ThreadPoolExecutor(READERS, thread_name_prefix="traintrack-bring") as pool:
        return list(pool.map(lambda one: _copy(own, one), wanted))


def _copy(own: Storage, wanted: Wanted) -> Result | None:
    """Keep record and file list here; None if they are not what the cell there promises."""
    found, kept = wanted.found, wanted.found.storage.kept
    result = found.result
    if result is None:
        return None
    record = found.reach.ask(lambda: kept.get(result.record))
    manifest = found.reach.ask(lambda: kept.get(result.manifest))
    if record is None or manifest is None or found.reach.ask(lambda: decode_record(record)) is None:
        return None
    told = decode_record(record)
    if told.id != wanted.seen.id or told.artifact not in (None, result.artifact):
        return None
    # Not every storage keys them alike, but all by their bytes.
    return replace(result, record=own.kept.put(record), manifest=own.kept.put(manifest))


def _taken(own: Storage, owner: Owner, seen: Seen) -> Seen | None:
    """Hold the cell, publishing; None if somebody was first."""
    me = replace(owner, token=new_nonce())
    cell = seen.cell
    if cell is not None and cell.state is CellState.HELD:
        wanted = change.publish(change.take_over(cell, me), me)
    else:
        wanted = change.publish(change.acquire(cell, me), me)
    return _landed(own, seen, wanted)


def _commit(own: Storage, changes: Sequence[tuple[Seen, Cell]]) -> None:
    if isinstance(own.cells, GroupCommits):
        if changes:
            own.cells.commit_all(changes)
        return
    for seen, cell in changes:
        _landed(own, seen, cell)


def _landed(own: Storage, seen: Seen, cell: Cell) -> Seen | None:
    try:
        return own.cells.swap(seen, cell)
    except CellConflictError as conflict:
        now = conflict.seen
        return now if now.cell is not None and now.cell.nonce == cell.nonce else None
