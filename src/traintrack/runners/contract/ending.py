"""How an attempt ended, in classes and words: pure decisions on exit codes and signals."""

from __future__ import annotations

import errno
import signal

from msgspec import Struct, field

from traintrack.action.failure import FailureClass
from traintrack.errors import TraintrackError

_HARDLY_ANY_BYTES = 1 << 16


class Ending(Struct, frozen=True):
    """Why an attempt failed. `details` are lines to show where the task wrote no log of its own."""

    failure: FailureClass
    message: str
    hint: str | None = None
    details: tuple[str, ...] = field(default=())


class AttemptFailedError(Exception):
    """An attempt cannot go on; `ending` says why."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.message)
        self.ending = ending


def of_exit(code: int, missing_module: str | None = None) -> Ending | None:
    """Judge an exit code (negative: a signal's number); None for a success."""
    if code == 0:
        return None
    if code < 0:
        return _of_signal(-code)
    if missing_module is not None:
        return Ending(
            FailureClass.TASK,
            f"exit {code}: no module `{missing_module}`",
            f"add the folder that holds `{missing_module}` to `paths`, or its package to the lock file",
        )
    # Shells report a signal that ended their last program as 128 + its number.
    inner = _signal_name(code - 128) if code > 128 else None
    return Ending(FailureClass.TASK, f"exit {code}, as after {inner}" if inner else f"exit {code}")


def on_full_disk(ending: Ending | None, free_bytes: int, folder: str) -> Ending | None:
    """Say that the disk of the output is full where a task failed: its own words about that had no room either."""
    if ending is None or ending.failure is not FailureClass.TASK or free_bytes >= _HARDLY_ANY_BYTES:
        return ending
    return Ending(
        ending.failure,
        f"{ending.message}, and no space is left on the disk of `{folder}`",
        "make room there, e.g. with `traintrack clean`, then run again",
        ending.details,
    )


def of_time_out(timeout_s: float) -> Ending:
    """The ending of a task that took too long."""
    return Ending(
        FailureClass.TIMEOUT,
        f"ended after its timeout of {timeout_s:g} s",
        "raise `timeout`, or write checkpoints so that the next attempt goes on from there",
    )


def of_stop() -> Ending:
    """The ending of a task that was told to stop."""
    return Ending(FailureClass.CANCELLED, "stopped")


def of_program(word: str, why: str) -> Ending:
    """The ending of a task whose program cannot be executed."""
    return Ending(
        FailureClass.IMAGE,
        f"the program `{word}` {why}",
        "check `entrypoint` of the image, and that `paths` or the lock file bring the program along",
    )


def of_error(
    error: TraintrackError | OSError, failure: FailureClass = FailureClass.PLATFORM, *, below: str = ""
) -> Ending:
    """The ending of an attempt that met an error of the host's; `below` is told where the error has no path."""
    if isinstance(error, TraintrackError):
        return Ending(failure, error.message, error.hint, details=error.details)
    where = f" at `{error.filename}`" if error.filename else f" below `{below}`" if below else ""
    hint = "make room on that file system" if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    return Ending(failure, f"{(error.strerror or str(error)).lower()}{where}", hint)


def _of_signal(number: int) -> Ending:
    name = _signal_name(number) or f"signal {number}"
    if number == signal.SIGKILL:
        return Ending(
            FailureClass.TASK,
            "killed by SIGKILL: often the kernel's out-of-memory killer",
            "see `dmesg | grep -i oom`; make batches smaller or ask for more `memory`",
        )
    return Ending(FailureClass.TASK, f"killed by {name}")


def _signal_name(number: int) -> str | None:
    try:
        return signal.Signals(number).name
    except ValueError:
        return None
