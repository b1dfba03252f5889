"""A storage in memory: the official double for tests of what stands above the storage port."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from traintrack.action.cell import Cell, CellState, Owner, Result
from traintrack.action.event import RunDocument
from traintrack.action.job import Output
from traintrack.action.manifest import Manifest
from traintrack.digest import ActionKey, ArtifactDigest, ContentDigest, TargetId, content_digest
from traintrack.errors import IntegrityError, NotFoundError
from traintrack.ports.storage import CellConflictError, HistoryEntry, Liveness, Seen

HISTORY_LENGTH = 50


class MemoryCells:
    """Cells in a dictionary under one lock; `reads` counts the batches that were asked for."""

    heartbeat_s: float | None = None

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._cells: dict[TargetId, Cell] = {}
        self.alive: set[str] = set()
        self.reads = 0

    def read(self, ids: Collection[TargetId]) -> Mapping[TargetId, Seen]:
        """Return every cell asked for."""
        with self._condition:
            self.reads += 1
            return {id_: self._seen(id_) for id_ in ids}

    def swap(self, seen: Seen, cell: Cell) -> Seen:
        """Replace what was seen, or raise `CellConflictError`."""
        with self._condition:
            now = self._seen(seen.id)
            if now.version != seen.version:
                raise CellConflictError(now)
            self._cells[seen.id] = cell
            self._condition.notify_all()
            return self._seen(seen.id)

    def commit_all(self, changes: Sequence[tuple[Seen, Cell]]) -> list[Seen | CellConflictError]:
        """Swap each; a conflict stands in place of the cell."""
        answers: list[Seen | CellConflictError] = []
        for seen, cell in changes:
            try:
                answers.append(self.swap(seen, cell))
            except CellConflictError as conflict:
                answers.append(conflict)
        return answers

    def liveness(self, owner: Owner) -> Liveness:
        """A run lives while it is present."""
        return Liveness.ALIVE if owner.run in self.alive else Liveness.GONE

    def wait(self, seen: Collection[Seen], timeout_s: float) -> None:
        """Return when a cell changed or its holder left."""

        def changed() -> bool:
            return any(self._seen(s.id).version != s.version or self._left(s) for s in seen)

        with self._condition:
            self._condition.wait_for(changed, timeout_s)

    def present(self, run: str) -> None:
        """A run is there."""
        with self._condition:
            self.alive.add(run)

    def left(self, run: str) -> None:
        """A run is gone, as after a crash."""
        with self._condition:
            self.alive.discard(run)
            self._condition.notify_all()

    def _left(self, seen: Seen) -> bool:
        owner = seen.cell.owner if seen.cell else None
        return owner is not None and owner.run not in self.alive

    def _seen(self, id_: TargetId) -> Seen:
        cell = self._cells.get(id_)
        return Seen(id_, cell, cell.nonce if cell else "")


class MemoryKept:
    """Small objects in two dictionaries."""

    def __init__(self) -> None:
        self.objects: dict[ContentDigest, bytes] = {}
        self.named: dict[str, bytes] = {}

    def put(self, data: bytes) -> ContentDigest:
        """Keep bytes under their digest."""
        digest = content_digest(data)
        self.objects[digest] = data
        return digest

    def get(self, digest: ContentDigest) -> bytes | None:
        """Return bytes, checked."""
        data = self.objects.get(digest)
        if data is not None and content_digest(data) != digest:
            raise IntegrityError(f"kept object {digest[:12]} is damaged")
        return data

    def put_named(self, name: str, data: bytes) -> None:
        """Keep bytes under a name."""
        self.named[name] = data

    def get_named(self, name: str) -> bytes | None:
        """Return the bytes under a name."""
        return self.named.get(name)

    def has_named(self, name: str) -> bool:
        """Tell if there is something under the name."""
        return name in self.named


class MemoryArtifacts:
    """Manifests only; `damaged` maps artifacts to the words in which a check complains."""

    def __init__(self, kept: MemoryKept) -> None:
        self._kept = kept
        self.present: dict[ArtifactDigest, Manifest] = {}
        self.damaged: dict[ArtifactDigest, str] = {}
        self.discarded: list[Output] = []

    def publish(self, output: Output) -> Result:
        """Make an output permanent; it heals what was damaged."""
        digest = output.manifest.digest()
        self.present[digest] = output.manifest
        self.damaged.pop(digest, None)
        manifest = self._kept.put(output.manifest.canonical())
        return Result(digest, manifest, ContentDigest(""))

    def manifest(self, result: Result) -> Manifest:
        """Return the manifest of a result."""
        if result.artifact not in self.present:
            raise IntegrityError(f"the manifest of {result.artifact[:12]} is missing")
        return self.present[result.artifact]

    def check(self, result: Result, subpath: str | None = None) -> str | None:
        """Return the words of the damage, None if it is whole."""
        del subpath
        if result.artifact not in self.present:
            return "its folder is missing"
        return self.damaged.get(result.artifact)

    def fetch(self, result: Result, subpath: str | None = None) -> str | None:
        """The same: all is here."""
        return self.check(result, subpath)

    def path(self, artifact: ArtifactDigest, subpath: str | None = None) -> Path:
        """A path that does not exist: nothing in memory can be opened."""
        if artifact not in self.present:
            raise NotFoundError(f"there is no artifact {artifact[:12]}")
        return Path("/memory") / artifact / (subpath or "")

    def discard(self, output: Output) -> None:
        """Drop an output."""
        self.discarded.append(output)


class MemoryLedger:
    """Hints, runs, history and logs in dictionaries."""

    def __init__(self) -> None:
        self.hints: dict[ActionKey, TargetId] = {}
        self.documents: dict[str, RunDocument] = {}
        self._history: dict[tuple[str, str], tuple[HistoryEntry, ...]] = {}
        self._logs: dict[str, bytes] = {}

    def hint(self, key: ActionKey) -> TargetId | None:
        """The ID that last had a result for this key."""
        return self.hints.get(key)

    def put_hint(self, key: ActionKey, id_: TargetId) -> None:
        """Remember an ID for a key."""
        self.hints[key] = id_

    def put_run(self, document: RunDocument) -> None:
        """Keep a document and index its rows."""
        self.documents[document.run] = document
        for row in document.targets:
            entry = HistoryEntry(row.id, row.outcome, document.run, document.ended, row.record)
            where = (document.workspace, row.label)
            self._history[where] = (entry, *self._history.get(where, ()))[:HISTORY_LENGTH]

    def run(self, run: str) -> RunDocument | None:
        """The document of a run."""
        found = [d for name, d in self.documents.items() if name.startswith(run)]
        return found[0] if len(found) == 1 else None

    def runs(self) -> Iterator[str]:
        """Names of runs, newest first."""
        return iter(reversed(self.documents))

    def history(self, workspace: str, label: str) -> tuple[HistoryEntry, ...]:
        """The newest results of a label."""
        return self._history.get((workspace, label), ())

    def put_log(self, name: str, source: Path) -> str:
        """Keep a log."""
        self._logs[name] = source.read_bytes()
        return name

    def log(self, key: str) -> Path | None:
        """Write a kept log to a file and return it."""
        if key not in self._logs:
            return None
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(self._logs[key])
        return Path(file.name)


class MemoryStorage:
    """All parts in memory; several runs may share one."""

    name = "memory"

    def __init__(self) -> None:
        self.cells = MemoryCells()
        self.kept = MemoryKept()
        self.artifacts = MemoryArtifacts(self.kept)
        self.ledger = MemoryLedger()

    @contextmanager
    def present(self, run: str) -> Iterator[Owner]:
        """Show that a run lives."""
        self.cells.present(run)
        try:
            yield Owner("", run, user="tester", host="here")
        finally:
            self.cells.left(run)

    def done(self, id_: TargetId) -> bool:
        """Tell if an ID has a result."""
        cell = self.cells.read([id_])[id_].cell
        return cell is not None and cell.state is CellState.DONE

    def lose(self, id_: TargetId, words: str = "weights.bin is missing") -> None:
        """Damage the bytes of a result."""
        cell = self.cells.read([id_])[id_].cell
        if cell is None or cell.result is None:
            raise NotFoundError(f"{id_} has no result to lose")
        self.artifacts.damaged[cell.result.artifact] = words


def with_result(storage: MemoryStorage, id_: TargetId, result: Result) -> None:
    """Make a result stand without a run."""
    seen = storage.cells.read([id_])[id_]
    cell = Cell(CellState.DONE, 1, f"nonce-{id_}-{result.artifact}", result=result)
    storage.cells.swap(seen, replace(cell))
