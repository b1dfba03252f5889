"""Makes results stand in groups: what is stored meanwhile shares the next round of syncing.

Consumers in the same run need only the bytes, which are there before; the cell follows some milliseconds later. A
target counts as finished, and is told so, when its cell is DONE and durable.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from msgspec import Struct

from traintrack.action.cell import Cell, Result
from traintrack.digest import ActionKey, TargetId
from traintrack.errors import TraintrackError
from traintrack.execute.lease import Lease, SupersededError, prepared_commit, settled
from traintrack.ports.storage import GroupCommits, Ledger, Seen

GATHER_S = 0.2
"""How long results may wait for others while the run has other work. A round of syncing costs the same for one and for
a hundred, and slows down all that is written meanwhile; a person does not notice the wait."""


class Commit(Struct, frozen=True):
    """A result that is stored and is to stand for the cell of `lease`; `key` is hinted at afterwards."""

    lease: Lease
    result: Result
    key: ActionKey


class Committed(Struct, frozen=True):
    """How a commit ended: `error` is a `SupersededError` where the hold was lost, None where the result stands."""

    id: TargetId
    error: SupersededError | TraintrackError | None = None


class Committer:
    """One thread that commits what comes: at the latest `GATHER_S` later, at once after `hurry`."""

    def __init__(
        self,
        cells: GroupCommits,
        ledger: Ledger,
        report: Callable[[list[Committed]], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._cells, self._ledger, self._report, self._failed = cells, ledger, report, failed
        self._queue: queue.SimpleQueue[Commit | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._hurried = threading.Event()

    def add(self, commit: Commit) -> None:
        """Take a commit; its end is reported from the committer's thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="traintrack-commits", daemon=True)
            self._thread.start()
        self._queue.put(commit)

    def hurry(self) -> None:
        """Wait for nothing more: somebody needs what has come."""
        self._hurried.set()

    def close(self) -> None:
        """Commit what has come and end."""
        self._hurried.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            batch, ending = self._next_batch()
            try:
                if batch:
                    self._report(self._commit(batch))
            except Exception as error:  # noqa: BLE001  a thread must hand its errors on
                self._failed(error)
                return

    def _next_batch(self) -> tuple[list[Commit], bool]:
        first = self._queue.get()
        if first is None:
            return [], True
        self._hurried.wait(GATHER_S)
        self._hurried.clear()
        batch = [first]
        while not self._queue.empty():
            item = self._queue.get()
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

    def _commit(self, batch: list[Commit]) -> list[Committed]:
        wanted: list[tuple[Seen, Cell]] = [prepared_commit(c.lease, c.result) for c in batch]
        try:
            answers = self._cells.commit_all(wanted)
        except TraintrackError as error:
            return [Committed(c.lease.id, error) for c in batch]
        ended = []
        for commit, (_, cell), answer in zip(batch, wanted, answers, strict=True):
            try:
                settled(cell, answer)
                self._ledger.put_hint(commit.key, commit.lease.id)
                ended.append(Committed(commit.lease.id))
            except (SupersededError, TraintrackError) as error:
                ended.append(Committed(commit.lease.id, error))
        return ended
