"""What the disk knows about a job, so that another process finds and ends it when its runner has died.

A job file has two lines of JSON: who and where, written before the program begins, and the program's
process, written right after. Where the second is missing, the marker in the environment still tells.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from traintrack.action.job import Handle
from traintrack.action.stored import decode_stored
from traintrack.runners.contract.call import MARKER
from traintrack.runners.contract.proc_table import Claim, ProcessName, boot_id, is_alive, started
from traintrack.runners.contract.stage import Stage

_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class JobFacts(Struct, frozen=True):
    """What a handle says: `marker` is random.

    `stage` is the scratch folder and `out` the output; `boot_id`, `runner_pid` and `runner_started` say who began it.
    """

    flight: str
    attempt: int
    stage: str
    out: str
    marker: str
    boot_id: str
    runner_pid: int
    runner_started: str

    @property
    def handle(self) -> Handle:
        """The facts as text."""
        return Handle(_SORTED(asdict(self)))

    @property
    def claim(self) -> Claim:
        """How its processes are known."""
        return Claim(MARKER, self.marker, (self.stage, self.out))

    @property
    def runner_lives(self) -> bool:
        """Tell if the process that began it is still there (after a reboot it is not)."""
        return self.boot_id == boot_id() and is_alive(ProcessName(self.runner_pid, self.runner_started))


def facts_of(flight: str, attempt: int, stage: Stage) -> JobFacts:
    """Return the facts of a job that this process begins, with a fresh marker."""
    own = _own_name(os.getpid())
    return JobFacts(flight, attempt, stage.folder, stage.out, os.urandom(16).hex(), boot_id(), own.pid, own.started)


def read_handle(handle: Handle) -> JobFacts | None:
    """Read a handle; None for a text that is not one of ours."""
    try:
        facts = decode_stored(handle.encode("utf-8", "replace"), JobFacts)
    except msgspec.MsgspecError:
        return None
    return facts if facts.marker.isalnum() else None


class JobFiles:
    """One small file per job that is not over, in `root`."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._left: list[str] = []

    def add(self, facts: JobFacts) -> None:
        """Note a job before its program begins.

        Raises:
            OSError: it cannot be written; nothing is left of it.
        """
        try:
            self._append_first(facts)
        except OSError:
            # A full disk has room for the name, not for the words; nobody could find and remove such a file.
            self.remove(facts)
            raise

    def add_process(self, facts: JobFacts, process: ProcessName) -> None:
        """Note the process of a job."""
        self._append(facts, json.dumps(asdict(process)))

    def known(self, handle: Handle) -> JobFacts | None:
        """Return the facts of a handle, if its file says the same.

        A handle comes from a cell. Folders and processes that it names are ours to end only if this machine's runner
        has written so itself.
        """
        facts = read_handle(handle)
        lines = [] if facts is None else _lines(self._path(facts))
        return facts if lines and read_handle(Handle(lines[0])) == facts else None

    def remove(self, facts: JobFacts) -> None:
        """Forget a job that is over.

        Raises:
            OSError: its file cannot be removed; `close` tries once more.
        """
        path = self._path(facts)
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError:
            self._left.append(path)
            raise

    def close(self) -> None:
        """Remove what could not be removed before, where that can be done now; what stays is left to `tidy_up`."""
        while self._left:
            with contextlib.suppress(OSError):
                os.unlink(self._left.pop())

    def exists(self, facts: JobFacts) -> bool:
        """Tell if the job is not over."""
        return os.path.exists(self._path(facts))

    def process(self, facts: JobFacts) -> ProcessName | None:
        """Return the process that was noted, None if there is none or the machine was started anew since."""
        lines = _lines(self._path(facts))
        if len(lines) < 2 or facts.boot_id != boot_id():
            return None
        try:
            return ProcessName(**json.loads(lines[1]))
        except (ValueError, TypeError):
            return None

    def all(self) -> Iterator[JobFacts]:
        """Return the jobs that are not over, in no order."""
        for name in self._names():
            facts = _facts_in(f"{self._root}/{name}")
            if facts is not None:
                yield facts

    def of_flight(self, flight: str) -> list[JobFacts]:
        """Return the jobs of a flight that are not over; without one, which is usual, no file is read."""
        found = [_facts_in(path) for path in self._paths_of(flight)]
        return [facts for facts in found if facts is not None and facts.flight == flight]

    def drop_unwritten(self, flight: str) -> None:
        """Remove the files of a flight in which nothing stands: who made them was killed before its program began.

        The caller holds the flight, so that nobody is about to write into them.

        Raises:
            OSError: one cannot be removed.
        """
        for path in self._paths_of(flight):
            if _facts_in(path) is None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._root)
        except FileNotFoundError:
            return []

    def _paths_of(self, flight: str) -> list[str]:
        spelled = quote(flight, safe="")
        return [f"{self._root}/{name}" for name in self._names() if name.rsplit(".", 2)[0] == spelled]

    def _path(self, facts: JobFacts) -> str:
        return f"{self._root}/{quote(facts.flight, safe='')}.{facts.attempt}.{facts.marker[:12]}"

    def _append_first(self, facts: JobFacts) -> None:
        try:
            self._append(facts, facts.handle)
        except FileNotFoundError:
            os.makedirs(self._root, mode=0o700, exist_ok=True)
            self._append(facts, facts.handle)

    def _append(self, facts: JobFacts, line: str) -> None:
        descriptor = os.open(self._path(facts), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)


@cache
def _own_name(pid: int) -> ProcessName:
    return ProcessName(pid, started(pid) or "")


def _facts_in(path: str) -> JobFacts | None:
    lines = _lines(path)
    return read_handle(Handle(lines[0])) if lines else None


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []
