"""A copy of a log that grows on another machine: each look adds what has come meanwhile."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from traintrack.app.environment import Environment, cache_folder
from traintrack.errors import HostError
from traintrack.ports.storage import LiveLogs
from traintrack.ports.through import own_storage

KEPT_FOR_S = 24 * 3600.0
"""Copies that were left are removed after this time: nobody follows them any more."""


def copy_of(environment: Environment, name: str) -> Path | None:
    """Return the copy of a growing log, with all that is there now; None if the storage has none of others.

    The copy is this process's own. It is empty as long as nothing has come.

    Raises:
        HostError: the log cannot be read, or its copy not be written.
    """
    ledger = own_storage(environment.storage).ledger
    if not isinstance(ledger, LiveLogs):
        return None
    path = _place(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("ab") as file:
            while data := ledger.read_live(name, file.tell()):
                file.write(data)
    except OSError as error:
        raise _not_written(path, error) from error
    return path


def complete_copy(environment: Environment, name: str) -> None:
    """Add to the copy what its log has said since the last look, now that it is kept whole.

    Raises:
        HostError: the log cannot be read, or its copy not be written.
    """
    kept, path = environment.storage.ledger.log(name), _place(name)
    if kept is None:
        return
    try:
        with kept.open("rb") as source, path.open("ab") as file:
            source.seek(file.tell())
            while data := source.read(1 << 20):
                file.write(data)
    except OSError as error:
        raise _not_written(path, error) from error


def drop_copies() -> None:
    """Remove the copies of this process, and those that others have left."""
    mine, oldest = f".{os.getpid()}", time.time() - KEPT_FOR_S
    with suppress(OSError):
        for path in _folder().iterdir():
            if path.suffix == mine or path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


def _folder() -> Path:
    return cache_folder() / "live"


def _place(name: str) -> Path:
    return _folder() / f"{name}.{os.getpid()}"


def _not_written(path: Path, error: OSError) -> HostError:
    fact = f"cannot write a copy of the log at `{path}`: {error.strerror or error}"
    return HostError(fact, code="cache", hint=f"see who owns `{path.parent}`, and make room there")
