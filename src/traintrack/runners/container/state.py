"""How a container ended, told apart in classes and words: pure decisions on what the engine knows of it."""

from __future__ import annotations

import re
import signal
from datetime import UTC, datetime

from traintrack.action.failure import FailureClass
from traintrack.action.job import Job
from traintrack.runners.container.engine import Inspected
from traintrack.runners.contract.ending import Ending, of_exit, of_program

_KILLED = 128 + signal.SIGKILL
_MIB = 1 << 20
_REFUSALS = (
    (re.compile(r"exec format error", re.IGNORECASE), "is neither a binary of this platform nor a script with `#!`"),
    (re.compile(r"executable file.* not found|executable file not found", re.IGNORECASE), "is not in the image"),
    (
        re.compile(r"exec\b.*(no such file or directory|not a directory)", re.IGNORECASE | re.DOTALL),
        "is not in the image, or names an interpreter that is not",
    ),
    (re.compile(r"exec\b.*permission denied", re.IGNORECASE | re.DOTALL), "is not executable"),
)
_NETWORK = re.compile(
    r"name resolution|could not resolve|name or service not known|getaddrinfo|nodename nor servname|unknown host"
    r"|no such host|eai_again|network is unreachable|nameresolutionerror",
    re.IGNORECASE,
)


def judge(found: Inspected | None, job: Job, word: str, missing_module: str | None = None) -> Ending | None:
    """Say why an attempt whose container is over has failed, None if it succeeded.

    Args:
        found: what the engine knows, None if the container is gone.
        job: what was run.
        word: the program's name, as image or action give it.
        missing_module: what a Python task looked for in vain.
    """
    if found is None:
        return lost()
    if found.out_of_memory:
        return _out_of_memory(found.exit_code or 0, job.resources.memory_bytes)
    if not found.started:
        return _never_started(found, word)
    if found.exit_code == _KILLED:
        # Nobody asked for it here, else the ending would be that.
        return of_exit(-signal.SIGKILL)
    return of_exit(found.exit_code or 0, missing_module)


def lost() -> Ending:
    """The ending of a task whose container is not there any more."""
    return Ending(FailureClass.LOST, "the container is gone: somebody removed it, or the engine lost it")


def without_shell() -> Ending:
    """The ending of a task that wants secrets as variables in an image without a shell."""
    return Ending(
        FailureClass.IMAGE,
        "the image has no `sh`, which brings secrets as variables to a task",
        "ask for each as a file, `secrets: {NAME: {file: NAME}}`, and read the path in `NAME_FILE`",
    )


def on_closed_network(ending: Ending | None, lines: tuple[str, ...], job: Job) -> Ending | None:
    """Say that the network is off where a failed task's last words are about a name that it could not look up."""
    if ending is None or ending.failure is not FailureClass.TASK or job.action.network:
        return ending
    if not any(_NETWORK.search(line) for line in lines):
        return ending
    place = job.action.provenance.place
    return Ending(
        ending.failure,
        f"{ending.message}: the task looked for the network, which is off",
        f"add `network: true` to the target{f' at {place}' if place else ''}, or fetch the data in a target of its own",
        ending.details,
    )


def age_s(found: Inspected, now: datetime) -> float:
    """How long ago a container began, 0 where the engine does not tell; `now` is in UTC."""
    try:
        began = datetime.fromisoformat(found.started)
    except ValueError:
        return 0.0
    return max((now - (began if began.tzinfo else began.replace(tzinfo=UTC))).total_seconds(), 0.0)


def _out_of_memory(code: int, limit: int | None) -> Ending:
    where = f" at its limit of {limit / _MIB:.0f} MiB" if limit else ""
    end = ", though the task ended with exit 0: its result is not trusted" if code == 0 else ""
    return Ending(
        FailureClass.OUT_OF_MEMORY,
        f"the kernel ended a process of the task{where} for want of memory{end}",
        "ask for more `memory` in `resources`, or write `retries: {out_of_memory: 2}` to try with twice as much",
    )


def _never_started(found: Inspected, word: str) -> Ending:
    for pattern, why in _REFUSALS:
        if pattern.search(found.error):
            return of_program(word, why)
    first = found.error.splitlines()[0] if found.error else "the engine gave no reason"
    return Ending(
        FailureClass.PLATFORM,
        f"the container did not start: {first}",
        "run it again; if it stays, see what the engine's own log says",
        tuple(found.error.splitlines()[-20:]),
    )
