"""Where cells, records, artifacts and logs live. A storage serves one namespace for writing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from traintrack.action.cell import Cell, Owner, Result
from traintrack.action.event import RunDocument
from traintrack.action.job import Output
from traintrack.action.manifest import Manifest
from traintrack.digest import ActionKey, ArtifactDigest, ContentDigest, TargetId


class Seen(Struct, frozen=True):
    """A cell as it was read: `cell` is None if absent; `version` is what a compare-and-swap compares."""

    id: TargetId
    cell: Cell | None
    version: str


class CellConflictError(Exception):
    """Somebody else changed the cell; `seen` is how it stands now."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(f"cell {seen.id[:12]} was changed by another")
        self.seen = seen


class Liveness(str, Enum):
    """What is known of a holder."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


class Cells(Protocol):
    """The cells of a namespace, changed only by compare-and-swap."""

    @property
    def heartbeat_s(self) -> float | None:
        """How often a holder must write its cell to be taken for alive; None where life shows otherwise."""

    def read(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Return every cell asked for, in one batch.

        Raises:
            IntegrityError: a cell is damaged.
            HostError: the storage cannot be read.
        """

    def swap(self, seen: Seen, cell: Cell) -> Seen:
        """Replace what was `seen` by `cell`, or raise; DONE is durable when this returns.

        Raises:
            CellConflictError: the cell is not as it was seen.
            HostError: the storage cannot be written.
        """

    def liveness(self, owner: Owner) -> Liveness:
        """Tell if a holder is still there; never a guess by the wall clock."""

    def wait(self, seen: Collection[Seen], timeout_s: float) -> None:
        """Return when one of the cells may have changed or its holder may be gone, at the latest after the time."""


@runtime_checkable
class GroupCommits(Protocol):
    """Cells of which many can be made DONE at the price of one; an addition to `Cells` where the storage gains by it."""

    def commit_all(self, changes: Sequence[tuple[Seen, Cell]]) -> list[Seen | CellConflictError]:
        """Replace each cell that is as it was seen by one that is DONE, in order; durable when this returns.

        Raises:
            HostError: the storage cannot be written; which of the changes were made is not known.
        """


@runtime_checkable
class RemembersDone(Protocol):
    """Cells that are far away, of which this machine remembers those that it saw DONE; an addition to `Cells`."""

    def remembered(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Return those that are known to be DONE, without asking for them; for plans and for showing, never for a commit.

        That may be wrong for a result that was taken away meanwhile: it is then found missing when it is looked for.
        """


class Want(Struct, frozen=True):
    """A run that waits for what another holds. `since` in ISO 8601, for people."""

    run: str
    user: str
    host: str
    since: str


@runtime_checkable
class Wants(Protocol):
    """Cells that tell their holder who waits for them; an addition to `Cells` where that is not on this machine alone."""

    def wants(self, id_: TargetId) -> tuple[Want, ...]:
        """Who waits for an ID at this moment, as far as it can be told; who died waiting may stand there too."""


@runtime_checkable
class AnnouncesByLock(Protocol):
    """Cells where a lock, and no write, tells collectors that bytes are being stored; an addition to `Cells`."""

    def announce(self, seen: Seen) -> None:
        """Keep collectors away until the cell is written next, or this process ends; `seen` is held by the caller.

        Raises:
            CellConflictError: the cell is not as it was seen; nothing is kept away.
            HostError: the storage cannot be read.
        """


class Kept(Protocol):
    """Small immutable objects, kept for ever: manifests, records, metrics, configs, code trees, lock files."""

    def put(self, data: bytes) -> ContentDigest:
        """Keep the bytes; the key is their BLAKE3. Durable when the cell that names them is DONE."""

    def get(self, digest: ContentDigest) -> bytes | None:
        """Return the bytes, checked, or None if there are none.

        Raises:
            IntegrityError: the bytes are not those of the digest.
        """

    def put_named(self, name: str, data: bytes) -> None:
        """Keep bytes under a name that decides them, such as `code/<tree id>` or `lock/<sha256>`."""

    def get_named(self, name: str) -> bytes | None:
        """Return the bytes under a name, or None."""

    def has_named(self, name: str) -> bool:
        """Tell if there is something under the name."""


class Artifacts(Protocol):
    """The bytes of artifacts."""

    def publish(self, output: Output) -> Result:
        """Make a staged output permanent, without its record: `Result.record` is empty; the cell must be HELD{publishing}.

        If the same artifact is there already, that one is kept and the staged one dropped.
        """

    def manifest(self, result: Result) -> Manifest:
        """Return the manifest of a result.

        Raises:
            IntegrityError: it is missing or damaged.
        """

    def check(self, result: Result, subpath: str | None = None) -> str | None:
        """Look if a result, or a part of it, is there and whole; None if it is, else what is wrong, with the path.

        Nothing is brought here: what lies elsewhere is looked at there.

        Raises:
            HostError: it cannot be found out.
        """

    def fetch(self, result: Result, subpath: str | None = None) -> str | None:
        """Bring here what is about to be read, and check it; None if it is whole, else what is wrong, with the path.

        Afterwards `path` has it for as long as this process lives.

        Raises:
            HostError: it cannot be brought here.
        """

    def path(self, artifact: ArtifactDigest, subpath: str | None = None) -> Path:
        """The local path of an artifact or a part of it, read-only.

        Raises:
            NotFoundError: there is no such artifact or path on this machine.
        """

    def discard(self, output: Output) -> None:
        """Drop a staged output that is not wanted."""


class Staging(Protocol):
    """Where outputs come into being: on the storage's own file system, so that publishing is a rename."""

    def new_stage(self, name: str) -> Path:
        """Make and return a fresh empty folder for an attempt; swept once the process that made it is gone.

        Raises:
            HostError: it cannot be made.
        """

    def rename_stage(self, stage: str, name: str) -> str | None:
        """Give a stage that this process made another name, with all that is in it, and return where it is now.

        None if that cannot be, for instance as its run is over: then it is to be removed, and `new_stage` asked.
        """

    def scan(self, path: Path) -> Manifest:
        """List and hash what a task left at `path`, a folder that nobody writes to any more.

        Raises:
            TaskError: something in it cannot be part of an artifact; code `output-refused`, with the path.
            HostError: the folder cannot be read.
        """


class Ledger(Protocol):
    """Hints and history: nothing here decides about reuse."""

    def hint(self, key: ActionKey) -> TargetId | None:
        """The ID that last had a result for this ActionKey, to be checked against its cell."""

    def put_hint(self, key: ActionKey, id_: TargetId) -> None:
        """Remember which ID has the result of an ActionKey; last writer wins."""

    def put_run(self, document: RunDocument) -> None:
        """Keep a run document and add its rows to the label index."""

    def run(self, run: str) -> RunDocument | None:
        """The run document of that name, or the only one that begins with it."""

    def runs(self) -> Iterator[str]:
        """Names of runs, newest first."""

    def history(self, workspace: str, label: str) -> tuple[HistoryEntry, ...]:
        """The newest 50 results of a label, newest first."""

    def put_log(self, name: str, source: Path) -> str:
        """Keep a finished log under `name` and return its key; `source` may be gone afterwards."""

    def log(self, key: str) -> Path | None:
        """The local file of a kept or growing log, None if there is none."""


@runtime_checkable
class LiveLogs(Protocol):
    """A ledger in which logs can be read on other machines while they grow; an addition to `Ledger`."""

    def put_live(self, flight: str, offset: int, data: bytes) -> None:
        """Add a piece of the log of a flight, which begins at `offset`; the same piece twice does no harm."""

    def read_live(self, flight: str, offset: int) -> bytes:
        """Return what there is of a growing log from `offset` on, empty if there is no more."""

    def drop_live(self, flight: str) -> None:
        """Remove the pieces of a log that is kept whole by now, as far as that is possible."""


class HistoryEntry(Struct, frozen=True):
    """One line of a label's history. `time` in ISO 8601 (UTC), for people."""

    id: TargetId
    outcome: str
    run: str
    time: str
    record: ContentDigest | None = None


class Storage(Protocol):
    """The parts of a storage, and the presence of a run in it."""

    @property
    def name(self) -> str:
        """What to call it in messages: a path or URL."""

    @property
    def cells(self) -> Cells:
        """The cells."""

    @property
    def kept(self) -> Kept:
        """What is kept for ever."""

    @property
    def artifacts(self) -> Artifacts:
        """The bytes."""

    @property
    def ledger(self) -> Ledger:
        """Hints, history, logs."""

    def present(self, run: str) -> AbstractContextManager[Owner]:
        """Show that a run lives, for as long as the context is open; the owner has an empty token."""
