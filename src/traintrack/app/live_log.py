"""The log of a target that runs at this moment, in this process, another one, or on another machine."""

from __future__ import annotations

import json
from pathlib import PurePath

from traintrack.action.cell import Cell
from traintrack.app.answers import LogAnswer
from traintrack.app.distant_log import copy_of
from traintrack.app.environment import Environment
from traintrack.errors import NotFoundError


def live_log(environment: Environment, label: str, cell: Cell, *, has_secrets: bool) -> LogAnswer | None:
    """Return the growing log of the job that a held cell names; None if there is none to read here.

    Over a bucket that of another machine is read from the pieces that its run has sent, in which secrets are masked.

    Raises:
        NotFoundError: the task has secrets, which are masked only when the log is kept.
        HostError: the pieces cannot be read.
    """
    stage, attempt = _place(cell.job)
    path = environment.storage.ledger.log(f"stage/{stage}/log") if stage else None
    run = cell.owner.run if cell.owner else ""
    if path is not None and not has_secrets:
        return LogAnswer(label, run, attempt, "running", path, live=True)
    copy = copy_of(environment, live_name(cell)) if attempt else None
    if copy is not None and cell.owner is not None:
        holder = f"{cell.owner.user}@{cell.owner.host}"
        return LogAnswer(label, run, attempt, "running", copy, live=True, holder=holder)
    if path is None:
        return None
    raise NotFoundError(
        f"the log of `{label}` is not shown while it runs: its secrets are not masked yet",
        code="log-not-masked",
        hint=f"traintrack log {label}  # once it has ended",
    )


def live_name(cell: Cell) -> str:
    """What the growing log of a held cell's attempt is called, and under which it is kept when it has ended."""
    return f"{cell.flight}.{_place(cell.job)[1]}"


def _place(job: str | None) -> tuple[str | None, int]:
    """The name of the attempt's folder and its number, from a handle; None for the handle of another machine."""
    try:
        handle = json.loads(job or "")
        return PurePath(handle["stage"]).name, int(handle["attempt"])
    except (ValueError, TypeError, KeyError):
        return None, 0
