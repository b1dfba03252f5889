"""Results on their way from stored to standing: what may begin already, and what has to wait for the cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from traintrack.action.event import Notice
from traintrack.digest import TargetId
from traintrack.errors import TraintrackError
from traintrack.execute.board import Board
from traintrack.execute.committer import Commit, Committed, Committer
from traintrack.execute.lease import SupersededError
from traintrack.execute.next import Stands
from traintrack.ports.events import EventSink

SHORT_S = 0.1
"""Only after tasks of no more do results wait for others: beside a longer one a round of syncing is nothing, and who
watches reads that it has ended before its consumer begins."""


class Landing:
    """Owned by the loop's thread; the committer works beside it.

    `again` is told a target whose cell went to another run, `broke` one that could not be committed.
    """

    def __init__(
        self,
        committer: Committer,
        board: Board,
        sink: EventSink,
        again: Callable[[TargetId], None],
        broke: Callable[[TargetId, TraintrackError], None],
    ) -> None:
        self._committer, self._board, self._sink = committer, board, sink
        self._again, self._broke = again, broke
        self._open: dict[TargetId, Stands] = {}
        self._held_back: list[TargetId] = []

    def take(self, id_: TargetId, commit: Commit, then: Stands) -> None:
        """Commit a result; its bytes are there for consumers from now on, `then` holds when its cell is DONE."""
        self._open[id_] = then
        self._board.standing[id_] = then.result
        self._committer.add(commit)
        if then.flight is not None and then.flight.task_s > SHORT_S:
            self._committer.hurry()

    def holds_back(self, id_: TargetId, needs: Iterable[TargetId]) -> bool:
        """Keep a target until the cells of what it needs stand; False if they do."""
        if not any(need in self._open for need in needs):
            return False
        self._held_back.append(id_)
        self._committer.hurry()
        return True

    def landed(self, batch: list[Committed]) -> list[TargetId]:
        """Take note of how commits ended, and return the targets that were held back."""
        for committed in batch:
            then = self._open.pop(committed.id)
            if committed.error is None:
                self._board.stands(committed.id, then.result, then.outcome, then.message, then.flight, then.differing)
            elif isinstance(committed.error, SupersededError):
                label = self._board.label(committed.id)
                self._sink.emit(Notice(f"{label} was taken over by another run", committed.id))
                self._again(committed.id)
            else:
                self._broke(committed.id, committed.error)
        return self.clear_held_back()

    def clear_held_back(self) -> list[TargetId]:
        """Take out the targets that were held back."""
        held_back, self._held_back = self._held_back, []
        return held_back

    def hurry(self) -> None:
        """Commit what has come at once: the run has nothing else to do."""
        if self._open:
            self._committer.hurry()

    def close(self) -> None:
        """Commit what has come and end."""
        self._committer.close()

    def __len__(self) -> int:
        """How many results are on their way."""
        return len(self._open)
