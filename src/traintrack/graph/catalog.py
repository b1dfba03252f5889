"""Where experiments come from, as a protocol: `workspace.load.Loader` is the real one, a test may use a plain map."""

from __future__ import annotations

from typing import Protocol

from traintrack.workspace.model import Experiment


class Catalog(Protocol):
    """Reads experiments on demand, so that a request for one target does not read a thousand files."""

    @property
    def is_plain(self) -> bool:
        """Tell if every target is as its file declares it."""

    def experiment(self, package: str) -> Experiment:
        """Read the experiment in the folder `package`, once.

        Raises:
            InputError: there is none, or its files are wrong; several as `InputErrors`.
        """

    def packages(self, under: str) -> list[str]:
        """The packages at and below the folder `under`, sorted; all of the workspace for ``""``."""

    def exists(self, package: str) -> bool:
        """Tell if the folder has a TTCONFIG.yaml, without reading it."""
