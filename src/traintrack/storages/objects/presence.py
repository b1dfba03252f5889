"""Who holds cells of a bucket: for people, and so that a dead holder on this machine is found without waiting."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager

from traintrack.action.cell import Owner
from traintrack.ports.storage import Liveness
from traintrack.storages.local.processes import boot_id, process_ended, this_process

_living: dict[str, int] = {}
"""The runs of this process, and how often each is present."""


@contextmanager
def present_here(run: str) -> Iterator[Owner]:
    """Count the run among the living of this process while the context is open; the owner has an empty token."""
    _living[run] = _living.get(run, 0) + 1
    try:
        yield this_process(run, process_world())
    finally:
        _living[run] -= 1


def seen_from_here(owner: Owner) -> Liveness:
    """Tell what this machine's process table says of an owner: GONE is sure, UNKNOWN is for all that it cannot see.

    A process that is there may still be stopped, or be done with this run: its silence tells. Only of this process
    itself it is known which runs live.
    """
    if not is_process_here(owner):
        return Liveness.UNKNOWN
    if process_ended(owner.pid, owner.pid_started):
        return Liveness.GONE
    if owner.pid != os.getpid():
        return Liveness.UNKNOWN
    return Liveness.ALIVE if _living.get(owner.run) else Liveness.GONE


def is_process_here(owner: Owner) -> bool:
    """Tell if the process of an owner could be seen from here."""
    return bool(owner.pid and owner.boot_id) and owner.boot_id == process_world()


@functools.cache
def process_world() -> str:
    """A name of where process numbers mean the same: this boot of the machine and, in a container, its own numbers.

    Source: pid_namespaces(7). Empty where the system has no name for its boot.
    """
    boot = boot_id()
    if not boot:
        return ""
    try:
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return boot
