"""The one mutable object per ID: lease and result in one. Values and the changes that are allowed.

Source: DESIGN 8 and the state machine in docs/explanation/protocol.md. A change here is pure: it takes the
cell that was read and returns the next one; a storage applies it by compare-and-swap.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from enum import Enum

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from traintrack.action.stored import decode_stored
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.errors import IntegrityError, InternalError

CELL_FORMAT = "traintrack/cell/1"

PROGRESS_BYTES = 200
"""A cell is read again and again by those who wait."""

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class CellState(str, Enum):
    """A cell that was never written is ABSENT: it is then None, not a value."""

    FREE = "FREE"
    HELD = "HELD"
    DONE = "DONE"


class Phase(str, Enum):
    """What a holder is doing. Nothing is stored, reused or committed but under `publishing`."""

    QUEUED = "queued"
    RUNNING = "running"
    PUBLISHING = "publishing"


class FreeReason(str, Enum):
    """Why a cell that was written before is free."""

    FAILED = "failed"
    RELEASED = "released"
    FENCED = "fenced"
    EVICTED = "evicted"
    CORRUPT = "corrupt"
    SUPERSEDED = "superseded"


class Owner(Struct, frozen=True):
    """Who holds a cell. `token` is random, made once per (run, target) and kept through every retry.

    `boot_id` and `pid` with `pid_started` (clock ticks since boot) say if the holder's process still is the same one.
    `since` is a wall-clock time in ISO 8601, for people only.
    """

    token: str
    run: str
    user: str = ""
    host: str = ""
    boot_id: str = ""
    pid: int = 0
    pid_started: int = 0
    since: str = ""


class Result(Struct, frozen=True):
    """What stands for an ID: the artifact, where its manifest and record are kept, and how it lies in the store.

    `layout` is the key of the storage's layout object, empty where the storage needs none. `home` names the storage
    that has the bytes, where that is another one than the cell's: what was found there stands here without a copy.
    """

    artifact: ArtifactDigest
    manifest: ContentDigest
    record: ContentDigest
    layout: str = ""
    home: str = ""


class Failure(Struct, frozen=True):
    """How the last attempt of a flight ended, shared with those who waited on it."""

    flight: str
    failure: str
    message: str
    exit_code: int | None = None
    record: ContentDigest | None = None
    log: str | None = None


class Cell(Struct, frozen=True):
    """One cell. No two writes of a cell have the same bytes: `nonce` is new in each.

    `note` says in words who freed it and when, for people; empty where nothing more is to be said than `free`.
    `progress` is the newest that the task said of itself, for those who wait; it comes with heartbeats and may be old.
    """

    state: CellState
    epoch: int
    nonce: str
    flight: str = ""
    owner: Owner | None = None
    phase: Phase | None = None
    seq: int = 0
    job: str | None = None
    checkpoint: str | None = None
    inputs: tuple[ArtifactDigest, ...] = ()
    result: Result | None = None
    free: FreeReason | None = None
    last_failure: Failure | None = None
    platform_failures: int = 0
    was: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    previous_record: ContentDigest | None = None
    note: str = ""
    progress: str = ""
    format: str = field(default=CELL_FORMAT)


def encode_cell(cell: Cell) -> bytes:
    """Return the JSON bytes of a cell."""
    return msgspec.json.encode(cell)


def decode_cell(data: bytes, id_: TargetId) -> Cell:
    """Read a stored cell.

    Raises:
        IntegrityError: it is damaged, or of a newer format.
    """
    try:
        cell = decode_stored(data, Cell)
    except msgspec.MsgspecError as error:
        raise IntegrityError(
            f"the cell of {id_[:12]} cannot be read: {error}",
            code="cell-damaged",
            hint="traintrack verify --repair  # sets it aside; its record stays",
        ) from error
    if cell.format != CELL_FORMAT:
        raise IntegrityError(
            f"the cell of {id_[:12]} has format `{cell.format}`, this is {CELL_FORMAT}",
            code="cell-format",
            hint="use a newer traintrack",
        )
    wrong = _contradiction(cell)
    if wrong is not None:
        raise IntegrityError(
            f"the cell of {id_[:12]} is damaged: {wrong}",
            code="cell-damaged",
            hint="traintrack verify --repair  # sets it aside; its record stays",
        )
    return cell


def new_nonce() -> str:
    """128 random bits as hex, for nonces, owner tokens and flights."""
    return _nonces.take()


class _Nonces:
    """Asks the system for many at once; a process that was forked off asks anew."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._left: list[str] = []
        self._pid = 0

    def take(self) -> str:
        with self._guard:
            if not self._left or self._pid != os.getpid():
                text = secrets.token_hex(16 * 64)
                self._left = [text[start : start + 32] for start in range(0, len(text), 32)]
                self._pid = os.getpid()
            return self._left.pop()


_nonces = _Nonces()


def acquire(seen: Cell | None, owner: Owner, inputs: tuple[ArtifactDigest, ...] = ()) -> Cell:
    """ABSENT or FREE → HELD, on a new flight."""
    _demand(seen is None or seen.state is CellState.FREE, "acquire", seen)
    base = seen or Cell(CellState.FREE, 0, "")
    return replace(
        base,
        state=CellState.HELD,
        epoch=base.epoch + 1,
        nonce=new_nonce(),
        flight=new_nonce(),
        owner=owner,
        phase=Phase.QUEUED,
        seq=0,
        job=None,
        inputs=inputs,
        result=None,
        free=None,
        note="",
        progress="",
        platform_failures=0,
    )


def take_over(seen: Cell, owner: Owner) -> Cell:
    """HELD by another, who is gone → HELD by me, on the same flight."""
    _demand(seen.state is CellState.HELD, "take over", seen)
    return replace(
        seen, epoch=seen.epoch + 1, nonce=new_nonce(), owner=owner, phase=Phase.QUEUED, seq=0, job=None, progress=""
    )


def started(mine: Cell, job: str) -> Cell:
    """HELD(me) → HELD(me, running), with the handle of the job so that others can find it."""
    _demand(mine.state is CellState.HELD, "start", mine)
    return replace(mine, phase=Phase.RUNNING, nonce=new_nonce(), seq=mine.seq + 1, job=job, progress="")


def beat(mine: Cell, progress: str | None = None) -> Cell:
    """HELD(me) → HELD(me): a heartbeat, with what the task says of itself (None: as before), cut to 200 bytes."""
    _demand(mine.state is CellState.HELD, "beat", mine)
    text = mine.progress if progress is None else _cut(progress)
    return replace(mine, nonce=new_nonce(), seq=mine.seq + 1, progress=text)


def publish(seen: Cell, owner: Owner) -> Cell:
    """HELD(me), or HELD{not publishing} of a stranger, or FREE{fenced, failed, released} → HELD(me, publishing).

    The last two are for one who lost the hold and has finished. A result that was taken away on purpose (evicted,
    corrupt, superseded) is not put back by who came too late.
    """
    mine = seen.state is CellState.HELD and seen.owner is not None and seen.owner.token == owner.token
    _demand(mine or may_publish(seen), "publish", seen)
    return replace(
        seen,
        state=CellState.HELD,
        epoch=seen.epoch if mine else seen.epoch + 1,
        owner=owner,
        phase=Phase.PUBLISHING,
        nonce=new_nonce(),
        seq=seen.seq + 1,
        free=None,
        note="",
        progress="",
    )


def may_publish(seen: Cell) -> bool:
    """Tell if one who does not hold the cell, but has finished, may take it to publish."""
    if seen.state is CellState.FREE:
        return seen.free in (FreeReason.FENCED, FreeReason.FAILED, FreeReason.RELEASED)
    return seen.state is CellState.HELD and seen.phase is not Phase.PUBLISHING


def commit(mine: Cell, result: Result) -> Cell:
    """HELD(me, publishing) → DONE."""
    _demand(mine.state is CellState.HELD and mine.phase is Phase.PUBLISHING, "commit", mine)
    return replace(
        mine,
        state=CellState.DONE,
        nonce=new_nonce(),
        phase=None,
        owner=None,
        job=None,
        checkpoint=None,
        inputs=(),
        result=result,
        last_failure=None,
        platform_failures=0,
    )


def fail(mine: Cell, failure: Failure, record: ContentDigest | None = None) -> Cell:
    """HELD(me) → FREE{failed}; who waited on this flight shares the failure. `record` becomes the previous one."""
    _demand(mine.state is CellState.HELD, "fail", mine)
    freed = _freed(mine, FreeReason.FAILED)
    return replace(freed, last_failure=failure, previous_record=record or mine.previous_record)


def release(mine: Cell, checkpoint: str | None = None) -> Cell:
    """HELD(me) → FREE{released}: waiters go on at once, from the checkpoint if there is one."""
    _demand(mine.state is CellState.HELD, "release", mine)
    return replace(_freed(mine, FreeReason.RELEASED), checkpoint=checkpoint or mine.checkpoint)


def evict(seen: Cell, reason: FreeReason, note: str = "") -> Cell:
    """DONE → FREE{evicted, corrupt or superseded}; what it named moves to `was`. `note` is for people."""
    _demand(seen.state is CellState.DONE and seen.result is not None, "evict", seen)
    assert seen.result is not None
    # A layout of another storage is no key of this one, and its collector's affair.
    layout = "" if seen.result.home else seen.result.layout
    was = (*seen.was, layout) if layout and layout not in seen.was else seen.was
    freed = _freed(seen, reason)
    return replace(freed, result=None, was=was, previous_record=seen.result.record, note=note)


def fence(seen: Cell) -> Cell:
    """HELD{publishing} → FREE{fenced}: the collector waits no longer; who published starts again with a new round."""
    _demand(seen.state is CellState.HELD and seen.phase is Phase.PUBLISHING, "be fenced", seen)
    return _freed(seen, FreeReason.FENCED)


def forget(seen: Cell) -> Cell:
    """Drop what the cell named before; only a collector does so, before it raises the round, and never of a held cell."""
    _demand(seen.state is not CellState.HELD, "forget", seen)
    return replace(seen, nonce=new_nonce(), was=())


def _contradiction(cell: Cell) -> str | None:
    """Say what no cell of ours can be. Digests become paths in a store, so none is believed unseen."""
    if not cell.nonce:
        return "it has no nonce"
    if cell.state is CellState.DONE and cell.result is None:
        return "it is done without a result"
    if cell.state is CellState.HELD and (cell.owner is None or cell.phase is None):
        return "it is held by nobody"
    result = cell.result
    if result is not None and not (_DIGEST.match(result.artifact) and _DIGEST.match(result.manifest)):
        return "its result has no digest"
    return None


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:PROGRESS_BYTES].decode("utf-8", "ignore")


def _freed(cell: Cell, reason: FreeReason) -> Cell:
    return replace(
        cell,
        state=CellState.FREE,
        nonce=new_nonce(),
        phase=None,
        owner=None,
        job=None,
        inputs=(),
        free=reason,
        progress="",
    )


def _demand(holds: bool, change: str, cell: Cell | None) -> None:  # noqa: FBT001
    if not holds:
        state = "ABSENT" if cell is None else f"{cell.state.value}{{{cell.phase.value if cell.phase else ''}}}"
        raise InternalError(f"a cell in state {state} cannot {change}", code="cell-transition")
