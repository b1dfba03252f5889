"""Servers that all workers of a test session share: the first starts one, the last stops it.

A worker holds a shared lock on the session's folder for as long as it may use what is there; who gets the lock alone is
the last. The locks of killed workers fall by themselves, and the next session clears away what they have left.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

_PREFIX = "tt-engines-"
_START_S = 60.0
_STOP_S = 20.0


def _base() -> Path:
    """A folder with a short name: the path of a socket has at most 107 bytes."""
    wanted = Path(tempfile.gettempdir())
    return wanted if len(str(wanted)) < 40 else Path("/var/tmp")


class CannotServeError(Exception):
    """A server does not start on this machine."""


class Session:
    """The folder of a test session, with the servers in it."""

    def __init__(self, name: str) -> None:
        self.folder = _base() / f"{_PREFIX}{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        self._users: IO[str] | None = None

    def join(self) -> None:
        """Become one of its users."""
        with _one_at_a_time():
            for other in _base().glob(f"{_PREFIX}*"):
                if other != self.folder:
                    _clear_if_left(other)
            self.folder.mkdir(exist_ok=True)
            self._users = open(self.folder / "users", "w")  # noqa: SIM115  # held until `leave`
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Stop being one; the last one stops the servers and removes the folder."""
        with _one_at_a_time():
            assert self._users is not None
            self._users.close()
            _clear_if_left(self.folder)

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return a folder that `make` has filled, once for all workers.

        Raises:
            CannotServeError: it could not, now or when another worker tried.
        """
        folder, done, failed = (self.folder / f"{name}{end}" for end in ("", ".done", ".failed"))
        with _one_at_a_time():
            if failed.exists():
                raise CannotServeError(failed.read_text())
            if not done.exists():
                folder.mkdir()
                try:
                    make(folder)
                except CannotServeError as error:
                    failed.write_text(str(error))
                    raise
                done.touch()
        return folder

    def serve(self, folder: Path, words: Sequence[str], answers: Callable[[], bool]) -> None:
        """Start a server that lives until the session ends, and wait until it answers."""
        log = (os.POSIX_SPAWN_OPEN, 1, str(folder / "log"), os.O_WRONLY | os.O_CREAT, 0o600)
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), log, (os.POSIX_SPAWN_DUP2, 1, 2)]
        pid = os.posix_spawnp(words[0], words, os.environ, file_actions=actions, setsid=True)
        (folder / "pid").write_text(str(pid))
        end = time.monotonic() + _START_S
        while not answers():
            if os.waitpid(pid, os.WNOHANG)[0] or time.monotonic() > end:
                raise CannotServeError(f"{words[0]} does not start: {(folder / 'log').read_text()[-1000:]}")
            time.sleep(0.05)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    with open(_base() / "tt-engines.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _clear_if_left(folder: Path) -> None:
    """Stop and remove what is in a session's folder, unless it has users."""
    users = folder / "users"
    if users.exists():
        with open(users) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
    _remove_podman_containers(folder)
    for pid_file in sorted(folder.glob("*/pid")):
        _stop(int(pid_file.read_text()), str(folder))
    for mount in reversed(_mounts_below(str(folder))):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_podman_containers(folder: Path) -> None:
    for storage in folder.glob("podman/storage.conf"):
        names = {"CONTAINERS_STORAGE_CONF": str(storage), "CONTAINERS_CONF": str(storage.parent / "containers.conf")}
        words = ["podman", "rm", "--all", "--force", "--time", "0"]
        subprocess.run(words, env={**os.environ, **names}, check=False, capture_output=True)


def _stop(pid: int, mark: str) -> None:
    """End a server, if the process with this number still is the one that was started with `mark` in its words."""
    command = Path(f"/proc/{pid}/cmdline")
    sent, end = signal.SIGTERM, time.monotonic() + _STOP_S
    while _is(command, mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        sent = signal.SIGKILL if time.monotonic() > end else sent
        time.sleep(0.1)


def _is(command: Path, mark: str) -> bool:
    try:
        return mark in command.read_text()
    except OSError:
        return False


def _mounts_below(folder: str) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return sorted(line.split()[1] for line in lines if line.split()[1].startswith(folder + "/"))
