"""A storage under another name: two namespaces of one bucket are two homes."""

from __future__ import annotations

from contextlib import AbstractContextManager

from traintrack.action.cell import Owner
from traintrack.ports.storage import Artifacts, Cells, Kept, Ledger, Storage


class NamedStorage:
    """The same storage, called `name`."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self.name = name

    @property
    def cells(self) -> Cells:
        """The cells."""
        return self._storage.cells

    @property
    def kept(self) -> Kept:
        """What is kept for ever."""
        return self._storage.kept

    @property
    def artifacts(self) -> Artifacts:
        """The bytes."""
        return self._storage.artifacts

    @property
    def ledger(self) -> Ledger:
        """Hints, history, logs."""
        return self._storage.ledger

    def present(self, run: str) -> AbstractContextManager[Owner]:
        """Show that a run lives."""
        return self._storage.present(run)
