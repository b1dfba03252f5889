"""The log of a target that runs at this moment, in this process or another."""

from __future__ import annotations

import json
from pathlib import PurePath

from traintrack.action.cell import Cell
from traintrack.app.answers import LogAnswer
from traintrack.app.environment import Environment
from traintrack.errors import NotFoundError


def live_log(environment: Environment, label: str, cell: Cell, *, has_secrets: bool) -> LogAnswer | None:
    """Return the growing log of the job that a held cell names; None if there is none to read on this machine.

    Raises:
        NotFoundError: the task has secrets, which are masked only when the log is kept.
    """
    stage, attempt = _place(cell.job)
    path = environment.storage.ledger.log(f"stage/{stage}/log") if stage else None
    if path is None:
        return None
    if has_secrets:
        raise NotFoundError(
            f"the log of `{label}` is not shown while it runs: its secrets are not masked yet",
            code="log-not-masked",
            hint=f"traintrack log {label}  # once it has ended",
        )
    run = cell.owner.run if cell.owner else ""
    return LogAnswer(label, run, attempt, "running", path, live=True)


def _place(job: str | None) -> tuple[str | None, int]:
    """The name of the attempt's folder and its number, from a handle; None for the handle of another machine."""
    try:
        handle = json.loads(job or "")
        return PurePath(handle["stage"]).name, int(handle["attempt"])
    except (ValueError, TypeError, KeyError):
        return None, 0
