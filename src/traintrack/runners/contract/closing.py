"""What every attempt does at its end: it is judged, the log is kept, times are noted, and the last state is made."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from traintrack.action.failure import FailureClass
from traintrack.action.job import JobPhase, JobState
from traintrack.errors import CancelledError, TraintrackError
from traintrack.ports.storage import Ledger
from traintrack.runners.contract.ending import AttemptFailedError, Ending, of_error, of_stop
from traintrack.runners.contract.logs import Mask, tail

T = TypeVar("T")

BROKE_OFF = Ending(FailureClass.PLATFORM, "the runner's thread broke off")
"""What is told where nobody came to judge."""

_LOOK_AGAIN_S = 0.02


def judged(part: Callable[[], T], below: str) -> tuple[T | None, Ending | None]:
    """Carry out a part of an attempt and return what it made, or else how it failed; `below` is told where an error has no path."""
    try:
        return part(), None
    except AttemptFailedError as error:
        return None, error.ending
    except CancelledError:
        return None, of_stop()
    except (TraintrackError, OSError) as error:
        return None, of_error(error, below=below)


def owner_tidied(lives: Callable[[], bool], noted: Callable[[], bool], within_s: float) -> bool:
    """Give a living owner of a job the time to end it by itself, as long as it `lives`; tell if it is `noted` no more."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and lives():
        if not noted():
            return True
        time.sleep(_LOOK_AGAIN_S)
    return not noted()


def with_tail(state: JobState, ending: Ending | None, path: str, mask: Mask) -> JobState:
    """Give a failure the last lines of the log at `path`, or the details of its ending where that has none."""
    details = ending.details if ending is not None else ()
    lines = tail(path, mask) if ending is not None and has_bytes(path) else ()
    return replace(state, log_tail=lines or details)


def keep_log(path: str, mask: Mask, ledger: Ledger, name: str) -> str | None:
    """Keep the log at `path` under `name`, masked, and return its key; None if there is no byte in it.

    Raises:
        HostError: the storage cannot keep it.
        OSError: there is no room for the masked copy.
    """
    if not has_bytes(path):
        return None
    if mask:
        masked = f"{path}.masked"
        mask.copy(path, masked)
        path = masked
    return ledger.put_log(name, Path(path))


def final_state(state: JobState, ending: Ending | None) -> JobState:
    """Return the last state of an attempt that began as `state` says."""
    done = replace(state, phase=JobPhase.FINISHED, timings=replace(state.timings, ended=iso(datetime.now(UTC))))
    if ending is None:
        return done
    return replace(done, failure=ending.failure, message=ending.message, hint=ending.hint, output=None)


def iso(moment: datetime) -> str:
    """Return a time in ISO 8601 with milliseconds; it must be in UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def free_bytes(folder: str) -> int:
    """Return how much room a caller without privileges has on the file system of a folder."""
    there = os.statvfs(folder)
    return there.f_bavail * there.f_frsize


def has_bytes(path: str) -> bool:
    """Tell if there is something in a log; what a task has put in its place is none."""
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(there.st_mode) and there.st_size > 0
