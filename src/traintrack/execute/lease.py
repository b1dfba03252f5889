"""One hold of one cell: every change is a compare-and-swap, and a conflict is read before anything is decided.

Source: docs/explanation/protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action import cell as change
from traintrack.action.cell import Cell, CellState, Failure, FreeReason, Owner, Phase, Result
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.errors import InternalError
from traintrack.ports.storage import AnnouncesByLock, CellConflictError, Cells, Seen


class SupersededError(Exception):
    """Somebody else holds or has finished the cell; `seen` is how it stands."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(f"cell {seen.id[:12]} is no longer mine")
        self.seen = seen


class Lease(Struct, frozen=True):
    """A cell that I hold, as I wrote it last."""

    seen: Seen
    owner: Owner

    @property
    def cell(self) -> Cell:
        """The held cell."""
        if self.seen.cell is None:
            raise InternalError("a lease of an absent cell", code="lease")
        return self.seen.cell

    @property
    def id(self) -> TargetId:
        """Whose cell it is."""
        return self.seen.id


def acquire(cells: Cells, seen: Seen, owner: Owner, inputs: tuple[ArtifactDigest, ...]) -> Lease:
    """Take an absent or free cell.

    Raises:
        SupersededError: somebody was first.
    """
    return Lease(_swap(cells, seen, change.acquire(seen.cell, owner, inputs), owner), owner)


def take_over(cells: Cells, seen: Seen, owner: Owner) -> Lease:
    """Take a cell whose holder is gone; its orphans must have been stopped.

    Raises:
        SupersededError: somebody was first.
    """
    if seen.cell is None:
        raise SupersededError(seen)
    return Lease(_swap(cells, seen, change.take_over(seen.cell, owner), owner), owner)


def note_job(cells: Cells, lease: Lease, job: str) -> Lease:
    """Write the handle of the job that runs, so that others can find it.

    Raises:
        SupersededError: the cell is not mine any more.
    """
    return _mine(cells, lease, lambda cell: change.started(cell, job))


def note_progress(cells: Cells, lease: Lease, progress: str) -> Lease:
    """Write how far the task is, for those who wait.

    Raises:
        SupersededError: the cell is not mine any more.
    """
    return _mine(cells, lease, lambda cell: change.beat(cell, progress))


def start_publishing(cells: Cells, lease: Lease) -> Lease:
    """Announce that bytes are about to be stored; also takes the cell back from one who only runs.

    Where a lock announces it, the cell stays as it is while it is mine.

    Raises:
        SupersededError: the cell has a result, or another publishes.
    """
    announcer = _announcer(cells)
    if announcer is not None and _is_mine(lease.cell, lease.owner):
        try:
            announcer.announce(lease.seen)
            return lease
        except CellConflictError:
            # What follows is decided by what stands there now.
            pass
    return _mine(cells, lease, lambda cell: change.publish(cell, lease.owner))


def commit(cells: Cells, lease: Lease, result: Result) -> Seen:
    """Make the result stand. My own heartbeats since the hold was written do not matter; a new hold would.

    Raises:
        SupersededError: the hold was lost; the result does not stand.
    """
    wanted = change.commit(_announced(lease), result)
    return _swap(cells, lease.seen, wanted, lease.owner, lambda cell: change.commit(cell, result))


def prepared_commit(lease: Lease, result: Result) -> tuple[Seen, Cell]:
    """The change that makes a result stand, for a storage that takes many at once."""
    return lease.seen, change.commit(_announced(lease), result)


def settled(wanted: Cell, answer: Seen | CellConflictError) -> Seen:
    """Read the answer to a prepared commit: my own write that landed counts.

    Raises:
        SupersededError: the hold was lost; the result does not stand.
    """
    if isinstance(answer, Seen):
        return answer
    now = answer.seen
    if now.cell is not None and now.cell.nonce == wanted.nonce:
        return now
    raise SupersededError(now)


def fail(cells: Cells, lease: Lease, failure: Failure, record: ContentDigest | None, checkpoint: str | None) -> None:
    """Free the cell with a failure that waiters share; losing the cell meanwhile is no matter."""
    _let_go(cells, lease, lambda cell: change.fail(replace(cell, checkpoint=checkpoint), failure, record))


def release(cells: Cells, lease: Lease, checkpoint: str | None = None) -> None:
    """Free the cell so that waiters go on at once; losing the cell meanwhile is no matter."""
    _let_go(cells, lease, lambda cell: change.release(cell, checkpoint))


def evict(cells: Cells, seen: Seen, reason: FreeReason) -> Seen:
    """Take a result away; who did it first has done it for all.

    Returns the cell as it stands, DONE with another result if somebody has made one already.
    """
    result = seen.cell.result if seen.cell else None
    while seen.cell is not None and seen.cell.state is CellState.DONE and seen.cell.result == result:
        try:
            return cells.swap(seen, change.evict(seen.cell, reason))
        except CellConflictError as conflict:
            seen = conflict.seen
    return seen


def _announcer(cells: Cells) -> AnnouncesByLock | None:
    # To ask an object whether it follows a protocol is slow, so its class is asked once.
    return cast("AnnouncesByLock", cells) if _announces(type(cells)) else None


@cache
def _announces(kind: type) -> bool:
    return issubclass(kind, AnnouncesByLock)


def _announced(lease: Lease) -> Cell:
    """The held cell as one that publishes, whether that was written or told by a lock."""
    return lease.cell if lease.cell.phase is Phase.PUBLISHING else change.publish(lease.cell, lease.owner)


def _is_mine(cell: Cell, owner: Owner) -> bool:
    return cell.state is CellState.HELD and cell.owner is not None and cell.owner.token == owner.token


def _mine(cells: Cells, lease: Lease, step: Callable[[Cell], Cell]) -> Lease:
    return Lease(_swap(cells, lease.seen, step(lease.cell), lease.owner, step), lease.owner)


def _swap(cells: Cells, seen: Seen, wanted: Cell, owner: Owner, again: Callable[[Cell], Cell] | None = None) -> Seen:
    """Swap; after a conflict read and decide: my own write that landed counts, my own older hold is tried again."""
    while True:
        try:
            return cells.swap(seen, wanted)
        except CellConflictError as conflict:
            now = conflict.seen
            if now.cell is not None and now.cell.nonce == wanted.nonce:
                return now
            if again is None or now.cell is None or not _may_retry(now.cell, owner, wanted):
                raise SupersededError(now) from conflict
            seen, wanted = now, again(now.cell)


def _may_retry(now: Cell, owner: Owner, wanted: Cell) -> bool:
    mine = _is_mine(now, owner)
    if wanted.state is CellState.DONE:
        # The epoch rises whenever a hold is lost: an equal one is the hold under which the bytes were stored.
        return mine and now.phase is Phase.PUBLISHING and now.epoch == wanted.epoch
    if mine:
        return True
    return wanted.phase is Phase.PUBLISHING and change.may_publish(now)


def _let_go(cells: Cells, lease: Lease, step: Callable[[Cell], Cell]) -> None:
    seen = lease.seen
    while seen.cell is not None and seen.cell.state is CellState.HELD and seen.cell.owner is not None:
        if seen.cell.owner.token != lease.owner.token:
            return
        try:
            cells.swap(seen, step(seen.cell))
        except CellConflictError as conflict:
            seen = conflict.seen
        else:
            return
