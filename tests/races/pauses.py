"""Points at which a run can be made to stand still, so that it can be killed just there.

Only the thread that comes to the point stands; what else the process does goes on. No code of traintrack knows of this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from traintrack.action.cell import CellState, Phase
from traintrack.app.materials import GitMaterials
from traintrack.runners.process.runner import ProcessRunner
from traintrack.storages.local.artifacts import LocalArtifacts
from traintrack.storages.local.cells import LocalCells

POINTS = ("providing", "queued", "started", "running", "finished", "publishing", "stored", "committing", "committed")
"""In the order in which a run passes them.

It has seen that the cell is to be had and is `providing` code; the cell was written `queued`; a job was `started` that the cell does not name yet; the cell says
`running`; the task has `finished`; collectors are kept away (`publishing`); the bytes are `stored`; all but the cell is written
(`committing`); the cell is DONE and nobody was told (`committed`).
"""


def pause_at(point: str, note: str) -> None:
    """Let this process write the file `note` when it comes to the point, and stand still until the file is removed."""
    before, after = _SWAPS.get(point, (None, None))
    if before is not None or after is not None:
        _wrap(LocalCells, "swap", lambda cell: _is(cell, before), lambda cell: _is(cell, after), note)
        # A run commits in groups; a result that was taken over from another target goes by `swap`.
        done = CellState.DONE
        _wrap(LocalCells, "commit_all", lambda _: before is done, lambda _: after is done, note)
    elif point == "providing":
        _wrap(GitMaterials, "provide", lambda _: True, _never, note)
    elif point == "finished":
        _wrap(LocalCells, "announce", lambda _: True, _never, note)
    elif point == "publishing":
        _wrap(LocalCells, "announce", _never, lambda _: True, note)
    elif point == "started":
        _wrap(ProcessRunner, "start", _never, lambda _: True, note)
    else:
        _wrap(LocalArtifacts, "publish", _never, lambda _: True, note)


_SWAPS: dict[str, tuple[Phase | CellState | None, Phase | CellState | None]] = {
    "queued": (None, Phase.QUEUED),
    "running": (None, Phase.RUNNING),
    "committing": (CellState.DONE, None),
    "committed": (None, CellState.DONE),
}


def _wrap(owner: type, name: str, before: Callable[[Any], bool], after: Callable[[Any], bool], note: str) -> None:
    real = getattr(owner, name)

    def stands_still(self: object, *arguments: Any) -> Any:
        if before(arguments[-1]):
            _stand_still(note)
        answer = real(self, *arguments)
        if after(arguments[-1]):
            _stand_still(note)
        return answer

    setattr(owner, name, stands_still)


def _stand_still(note: str) -> None:
    Path(note).touch()
    while Path(note).exists():
        time.sleep(0.002)


def _is(cell: Any, wanted: Phase | CellState | None) -> bool:
    return wanted is not None and wanted in (cell.phase, cell.state)


def _never(_: Any) -> bool:
    return False
