"""What is kept and the history of a storage that reads through: put here, and looked for here first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from traintrack.action.event import RunDocument
from traintrack.digest import ActionKey, ContentDigest, TargetId
from traintrack.ports.storage import HistoryEntry, Kept, Ledger
from traintrack.storages.through.elsewhere import Elsewhere

MOST_HISTORIES: Final = 32
"""So many labels' histories are asked for elsewhere: they only explain, and a plan of thousands asks one by one."""


class ThroughKept:
    """Small objects: what stands here must not depend on others, so `has_named` speaks of this storage alone."""

    def __init__(self, own: Kept, elsewhere: Elsewhere) -> None:
        self._own, self._elsewhere = own, elsewhere

    def put(self, data: bytes) -> ContentDigest:
        """Keep bytes here."""
        return self._own.put(data)

    def get(self, digest: ContentDigest) -> bytes | None:
        """Return the bytes from wherever they are, checked.

        Raises:
            IntegrityError: the own bytes are not those of the digest.
        """
        data = self._own.get(digest)
        if data is not None or not digest:
            return data
        return self._elsewhere.first(lambda storage: storage.kept.get(digest))

    def put_named(self, name: str, data: bytes) -> None:
        """Keep bytes here under a name that decides them."""
        self._own.put_named(name, data)

    def get_named(self, name: str) -> bytes | None:
        """Return the bytes under a name from wherever they are."""
        data = self._own.get_named(name)
        return data if data is not None else self._elsewhere.first(lambda storage: storage.kept.get_named(name))

    def has_named(self, name: str) -> bool:
        """Tell if there is something here under the name."""
        return self._own.has_named(name)


class ThroughLedger:
    """Hints, history and logs; runs are listed as this storage has seen them."""

    def __init__(self, own: Ledger, elsewhere: Elsewhere) -> None:
        self._own, self._elsewhere = own, elsewhere
        self._asked: set[tuple[str, str]] = set()

    def hint(self, key: ActionKey) -> TargetId | None:
        """The ID that last had a result for this ActionKey, here or elsewhere."""
        return self._own.hint(key) or self._elsewhere.first(lambda storage: storage.ledger.hint(key))

    def put_hint(self, key: ActionKey, id_: TargetId) -> None:
        """Remember here which ID has the result of an ActionKey."""
        self._own.put_hint(key, id_)

    def put_run(self, document: RunDocument) -> None:
        """Keep a run document here."""
        self._own.put_run(document)

    def run(self, run: str) -> RunDocument | None:
        """The run document of that name, or the only one that begins with it, here or elsewhere."""
        return self._own.run(run) or self._elsewhere.first(lambda storage: storage.ledger.run(run))

    def runs(self) -> Iterator[str]:
        """Names of the runs of this storage, newest first."""
        return self._own.runs()

    def history(self, workspace: str, label: str) -> tuple[HistoryEntry, ...]:
        """The newest 50 results of a label, newest first; elsewhere's if there is none here."""
        entries = self._own.history(workspace, label)
        self._asked.add((workspace, label))
        if entries or len(self._asked) > MOST_HISTORIES:
            return entries
        return self._elsewhere.first(lambda storage: storage.ledger.history(workspace, label) or None) or ()

    def put_log(self, name: str, source: Path) -> str:
        """Keep a finished log here."""
        return self._own.put_log(name, source)

    def log(self, key: str) -> Path | None:
        """The local file of a log, here or from elsewhere."""
        return self._own.log(key) or self._elsewhere.first(lambda storage: storage.ledger.log(key))
