"""Puts a storage and those that it reads through together, so that who uses it sees one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from traintrack.action.cell import Owner, Result
from traintrack.ports.storage import Storage
from traintrack.ports.through import Sharing
from traintrack.storages.through.artifacts import ThroughArtifacts
from traintrack.storages.through.cells import ThroughCells
from traintrack.storages.through.elsewhere import Elsewhere
from traintrack.storages.through.further import further_parts
from traintrack.storages.through.parts import ThroughKept, ThroughLedger
from traintrack.storages.through.reach import PATIENCE_S, Reach, Read


def read_through(own: Storage, reads: Sequence[Read], patience_s: float = PATIENCE_S) -> Storage:
    """Return a storage that is `own`, and has besides what stands in those that are read; `own` if there are none."""
    return ThroughStorage(own, reads, patience_s) if reads else own


class ThroughStorage:
    """A storage that writes into `own` and reads through others, each opened with the first question to it.

    What else `own` can do, such as being looked over or swept, it does itself and for itself alone.
    """

    def __init__(self, own: Storage, reads: Sequence[Read], patience_s: float = PATIENCE_S) -> None:
        self._own = own
        self._tell: Callable[[str], None] = _tell_nobody
        self._elsewhere = elsewhere = Elsewhere([Reach(read, self._heard, patience_s) for read in reads])
        self.cells = ThroughCells(own, elsewhere)
        self.kept = ThroughKept(own.kept, elsewhere)
        self.artifacts = ThroughArtifacts(own.artifacts, self.kept, elsewhere)
        self.ledger = ThroughLedger(own.ledger, elsewhere)
        self._unheard: list[str] = []
        vars(self).update(further_parts(own, {*dir(self), "name"}))

    @property
    def name(self) -> str:
        """The name of the storage that is written."""
        return self._own.name

    @property
    def own(self) -> Storage:
        """The storage that is written, without the others."""
        return self._own

    def home(self, result: Result) -> Storage | None:
        """The storage that has the bytes of a result, None if it is out of reach or not read any more."""
        found = self._elsewhere.home(result.home) if result.home else (None, self._own)
        return found[1] if found is not None else None

    def attend(self, tell: Callable[[str], None], sharing: Sharing) -> None:
        """Tell what is out of reach, also what was found to be so before; and wait for what is held there or not."""
        self._tell = tell
        self.cells.attend(sharing)
        unheard, self._unheard = self._unheard, []
        for words in unheard:
            tell(words)

    @contextmanager
    def present(self, run: str) -> Iterator[Owner]:
        """Show in the own storage that a run lives; meanwhile what stands elsewhere is brought in."""
        with self._own.present(run) as owner:
            self.cells.begin(owner)
            try:
                yield owner
            finally:
                self.cells.end()

    def _heard(self, words: str) -> None:
        if self._tell is _tell_nobody:
            self._unheard.append(words)
        else:
            self._tell(words)


def _tell_nobody(words: str) -> None:
    del words
