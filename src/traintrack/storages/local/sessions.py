"""Who is alive: every run, and every process that writes, holds a lock on a file of its own.

The kernel drops the lock when its holder dies, however it dies; so whoever gets it knows. No clock, no heartbeat.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from traintrack.action.cell import Owner
from traintrack.errors import HostError
from traintrack.ports.storage import Liveness
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.locks import Mode, open_lock, try_lock
from traintrack.storages.local.places import checked, is_name
from traintrack.storages.local.processes import boot_id, host_name, this_process

_PATIENCE_S = 0.5


class Sessions:
    """The living of a store. A process without a run gets a nameless session when it first writes."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._runs: list[str] = []
        self._nameless: tuple[str, int] | None = None

    @contextmanager
    def present(self, run: str) -> Iterator[Owner]:
        """Hold the run's lock while the context is open, and say who holds it.

        Raises:
            HostError: a run of this name lives already, or the folder cannot be written.
        """
        path = f"{self._folder}/{checked(run)}"
        with DiskErrors("write", path):
            fd = _hold(path)
        self._runs.append(run)
        try:
            yield this_process(run, boot_id())
        finally:
            self._runs.remove(run)
            _let_go(path, fd, os.getpid())

    def mine(self) -> str:
        """The name of the session that what is written now belongs to."""
        runs = self._runs
        return runs[-1] if runs else self.process()

    def process(self) -> str:
        """The name of the session that lives as long as this process and this object do, whatever runs come and go."""
        with self._guard:
            if self._nameless is None or self._nameless[1] != os.getpid():
                self._nameless = (self._begin_nameless(), os.getpid())
            return self._nameless[0]

    def is_alive(self, session: str) -> bool:
        """Tell if somebody holds the session's lock."""
        if not is_name(session) or "/" in session:
            return False  # The name comes from a cell, and could lead anywhere.
        try:
            fd = os.open(f"{self._folder}/{session}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            # Shared, so that two who ask at once do not take each other for the holder.
            return not try_lock(fd, Mode.SHARED)
        finally:
            os.close(fd)

    def liveness(self, owner: Owner) -> Liveness:
        """Tell if the owner of a cell lives.

        A lock that is held proves life. One that is free proves death only to the kernel that would know: on
        the owner's host, or in the same boot, whatever the host is called now.
        """
        with DiskErrors("read", self._folder):
            if self.is_alive(owner.run):
                return Liveness.ALIVE
        if owner.host == host_name() or (owner.boot_id != "" and owner.boot_id == boot_id()):
            return Liveness.GONE
        return Liveness.UNKNOWN

    def dead(self) -> list[str]:
        """The sessions that have left a file and live no more, sorted."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if not self.is_alive(name))

    def bury(self, session: str) -> bool:
        """Remove the file of a dead session; tell if it was there and dead."""
        path = f"{self._folder}/{session}"
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            if not try_lock(fd, Mode.ALONE) or not _is_at(fd, path):
                return False
            os.unlink(path)
            return True
        finally:
            os.close(fd)

    def _begin_nameless(self) -> str:
        name = f"process-{os.getpid()}-{secrets.token_hex(6)}"
        path = f"{self._folder}/{name}"
        fd = _hold(path)
        weakref.finalize(self, _let_go, path, fd, os.getpid())
        return name


def _hold(path: str) -> int:
    """Lock a session's file and return it open. Its name is new, so only those who ask for life can be in the way."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        fd = open_lock(path)
        if try_lock(fd, Mode.ALONE):
            if _is_at(fd, path):
                return fd
            os.close(fd)  # It was removed between open and lock: whoever looks would find no file.
            continue
        os.close(fd)
        if time.monotonic() > deadline:
            raise HostError(
                f"another process lives under the name `{os.path.basename(path)}`",
                code="session-taken",
                hint="wait until it has ended, or start a run with another name",
            )
        time.sleep(0.001)


def _let_go(path: str, fd: int, pid: int) -> None:
    """Remove the file while its lock is held, so that nobody sees it free and then new."""
    if os.getpid() == pid and _is_at(fd, path):
        os.unlink(path)
    os.close(fd)


def _is_at(fd: int, path: str) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), there)
