"""Opens a store in a folder and puts its parts together."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from traintrack.action.cell import Owner
from traintrack.ports.verify import Finding, Looked, Mended, NamedJudge, Scope, Survey
from traintrack.storages.local.artifacts import LocalArtifacts
from traintrack.storages.local.cells import LocalCells
from traintrack.storages.local.collect import LocalCollecting
from traintrack.storages.local.disk import prepare_root
from traintrack.storages.local.documents import LocalDocuments
from traintrack.storages.local.files import Files
from traintrack.storages.local.kept import LocalKept
from traintrack.storages.local.ledger import LocalLedger
from traintrack.storages.local.places import Places, checked
from traintrack.storages.local.sessions import Sessions
from traintrack.storages.local.staging import LocalStaging
from traintrack.storages.local.sweep import Swept, sweep
from traintrack.storages.local.wants import LocalWants
from traintrack.storages.want_list import WantList


def open_local(root: Path, namespace: str = "default") -> LocalStorage:
    """Open the store in a folder, made where there is none.

    Raises:
        HostError: the folder is on a network disk, holds other things, or cannot be written; says which and why.
        IntegrityError: the store has a newer format.
    """
    return LocalStorage(prepare_root(root.expanduser()), namespace)


class LocalStorage:
    """A store in a folder that `open_local` has made. Safe between threads, and between processes of one machine."""

    def __init__(self, root: Path, namespace: str = "default") -> None:
        self._places = Places(os.path.abspath(root), checked(namespace))
        self._sessions = Sessions(self._places.alive)
        self._files = files = Files(self._places, self._sessions)
        self._wants = WantList(LocalWants(self._places, self._sessions))
        self.cells = LocalCells(self._places, files, self._sessions, self._wants)
        self.kept = LocalKept(self._places, files)
        self.artifacts = LocalArtifacts(self._places, files, self.kept)
        self.ledger = LocalLedger(self._places, files)
        self.staging = LocalStaging(self._places, self._sessions)
        self.documents = LocalDocuments(self._places, files)
        self.collecting = LocalCollecting(self._places, files, self.cells, self.artifacts)

    @property
    def name(self) -> str:
        """The folder."""
        return self._places.root

    @property
    def root(self) -> Path:
        """The folder."""
        return Path(self._places.root)

    @contextmanager
    def present(self, run: str) -> Iterator[Owner]:
        """Show that a run lives, for as long as the context is open; the owner has an empty token.

        Raises:
            HostError: a run of this name lives already.
        """
        with self._sessions.present(run) as owner:
            self._wants.begin(owner)
            try:
                yield owner
            finally:
                self._wants.end(owner)

    def stale_stages(self) -> tuple[Path, ...]:
        """Stages that a dead process has left, sorted."""
        return self.staging.stale_stages()

    def sweep(self, keep: Collection[Path] = ()) -> Swept:
        """Remove what the dead have left, but the stages in `keep`; say what that was.

        Raises:
            HostError: something cannot be removed.
        """
        return sweep(self._places, self._sessions, self.staging, keep)

    def survey(self, scope: Scope, judge: NamedJudge, tell: Callable[[Looked], None]) -> Survey:
        """Look for damage, and change nothing; see `Verifiable`.

        Raises:
            HostError: the store cannot be read.
        """
        from traintrack.storages.local.verify import survey  # noqa: PLC0415  no run pays for importing it

        return survey(self._places, scope, judge, tell)

    def mend(self, findings: Collection[Finding]) -> tuple[Mended, ...]:
        """Set damaged things aside and free the cells of damaged results; see `Verifiable`.

        Raises:
            HostError: the store cannot be written.
        """
        from traintrack.storages.local.mend import Mending  # noqa: PLC0415  no run pays for importing it

        return Mending(self._places, self._files, self.cells, self.artifacts, self.ledger).mend(findings)
