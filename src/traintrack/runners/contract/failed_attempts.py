"""What failed attempts leave behind: their unfinished outputs, for as long as somebody may want to look into them.

An attempt is a folder `<flight>.<number>` with `out`, moved there as it was, `job.json` and `about.json`. Old ones go first,
by age, by number and by size; what somebody still needs must not depend on them.
"""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.job import Job, JobState
from traintrack.digest import TargetId
from traintrack.runners.contract.ending import Ending
from traintrack.runners.contract.scrub import remove_with_secrets
from traintrack.runners.contract.stage import remove_tree
from traintrack.runners.contract.stored_job import job_text, restored_job

KEPT_FOR_S = 14 * 24 * 3600.0
LIMIT_BYTES = 20 << 30
MOST = 1000
"""So many attempts are kept at most: they are listed by reading them all."""

MUST_STAY_FREE_BYTES = 256 << 20
"""A disk with less room than this gets what a failed attempt took back at once."""

FORMAT = "traintrack/attempt/1"


class FailedAttempt(Struct, frozen=True):
    """An attempt that failed.

    `ended` in ISO 8601 (UTC), for people. `log` and `checkpoint` are keys, None where there was none.
    """

    label: str
    workspace: str
    id: TargetId
    run: str
    flight: str
    number: int
    failure: str
    message: str
    ended: str
    size_bytes: int = 0
    exit_code: int | None = None
    log: str | None = None
    checkpoint: str | None = None
    format: str = FORMAT

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{quote(self.flight, safe='')}.{self.number}"


def failed_attempt(job: Job, state: JobState, ending: Ending, ended: str) -> FailedAttempt:
    """Tell what is to be known of an attempt; `state` has its log and checkpoint already."""
    return FailedAttempt(
        job.action.label,
        job.action.provenance.workspace,
        job.action.id,
        job.run,
        job.flight,
        job.attempt,
        ending.failure.value,
        ending.message,
        ended,
        exit_code=state.exit_code,
        log=state.log,
        checkpoint=state.checkpoint,
    )


class _Entry(Struct, frozen=True, order=True):
    """A folder with the time of its end, in seconds since the epoch."""

    ended_s: float
    path: str


class FailedAttempts:
    """The folders of failed attempts below `root`, which lies on the file system of the stages.

    `limit_bytes` bounds them together, 0 keeps none. Safe between threads; two processes may trim at once.
    """

    def __init__(self, root: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.root = root
        self._limit_bytes = limit_bytes
        self._guard = threading.Lock()
        self._added_bytes = 0

    def keep(self, attempt: FailedAttempt, job: Job, out: str) -> bool:
        """Take over the output folder of an attempt that no process writes to any more; False if it was only removed.

        Files in which a secret of the job stands are left out.

        Raises:
            OSError: it can be neither kept nor removed.
        """
        if not _is_folder(out):
            # Its task removed or replaced it; what is known of the attempt is worth keeping all the same.
            if os.path.islink(out):
                os.unlink(out)
            remove_tree(out)
            os.mkdir(out)
        if job.secrets:
            remove_with_secrets(out, [value.encode("utf-8", "surrogateescape") for value in job.secrets.values()])
        size = size_of(out)
        if size > self._limit_bytes or not self._limit_bytes or _free_bytes(out) < MUST_STAY_FREE_BYTES:
            remove_tree(out)
            return False
        folder = f"{self.root}/{attempt.name}"
        self._move(out, folder)
        Path(folder, "job.json").write_bytes(job_text(job))
        about = json.dumps(msgspec.to_builtins(replace(attempt, size_bytes=size)))
        Path(folder, "about.json").write_text(about, encoding="utf-8")
        self._count(size)
        return True

    def all(self) -> list[FailedAttempt]:
        """Return the attempts that are kept whole, newest first."""
        found = []
        for entry in sorted(self._entries(), reverse=True):
            attempt = _read(entry.path)
            if attempt is not None and os.path.isdir(f"{entry.path}/out"):
                found.append(attempt)
        return found

    def output(self, attempt: FailedAttempt) -> Path:
        """The folder that the task wrote to."""
        return self.root / attempt.name / "out"

    def job(self, attempt: FailedAttempt) -> Job:
        """Return the job of an attempt, without the values of secrets.

        Raises:
            OSError: it has been removed meanwhile.
            ValueError: it was written by another version.
        """
        return restored_job(json.loads((self.root / attempt.name / "job.json").read_bytes()))

    def trim(self) -> None:
        """Remove what is too old, and then the oldest until number and size are within their limits.

        Raises:
            OSError: something cannot be removed.
        """
        for path in self.going():
            remove_tree(path)
        with self._guard:
            self._added_bytes = 0

    def going(self) -> list[str]:
        """Return the folders that `trim` would remove now."""
        entries = sorted(self._entries(), reverse=True)
        oldest = time.time() - KEPT_FOR_S
        gone, total = [], 0
        for rank, entry in enumerate(entries):
            total += _noted_size(entry.path)
            if entry.ended_s < oldest or rank >= MOST or total > self._limit_bytes:
                gone.append(entry.path)
        return gone

    def folders(self) -> list[str]:
        """Return the folders of all, the newest first."""
        return [entry.path for entry in sorted(self._entries(), reverse=True)]

    def _move(self, out: str, folder: str) -> None:
        """Move an output below `folder`, in place of an attempt of the same name (its flight was taken over)."""
        if os.path.lexists(folder):
            remove_tree(folder)
        os.makedirs(folder, mode=0o755)
        try:
            # A folder that its task made read-only cannot be moved to another parent.
            os.chmod(out, stat.S_IMODE(os.lstat(out).st_mode) | stat.S_IRWXU)
            os.rename(out, f"{folder}/out")
        except OSError:
            remove_tree(folder)
            remove_tree(out)
            raise

    def _count(self, size: int) -> None:
        """Keep to the limit within a run, too: not at each failure, since that reads all."""
        with self._guard:
            self._added_bytes += size
            is_much = self._added_bytes > self._limit_bytes // 10
        if is_much:
            self.trim()

    def _entries(self) -> Iterator[_Entry]:
        try:
            names = os.listdir(self.root)
        except FileNotFoundError:
            return
        for name in names:
            try:
                yield _Entry(os.lstat(f"{self.root}/{name}").st_mtime, f"{self.root}/{name}")
            except FileNotFoundError:
                continue  # Another process trims as well.


def size_of(folder: str) -> int:
    """Return the bytes that the files of a folder take on the disk; a sparse file counts with what it has."""
    total = 0
    for path in _files(folder):
        try:
            total += os.lstat(path).st_blocks * 512
        except FileNotFoundError:
            continue
    return total


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _read(folder: str) -> FailedAttempt | None:
    try:
        with open(f"{folder}/about.json", "rb") as file:
            found = msgspec.convert(json.loads(file.read()), FailedAttempt)
    except (OSError, ValueError, RecursionError):
        return None
    return found if found.format == FORMAT and found.name == os.path.basename(folder) else None


def _noted_size(folder: str) -> int:
    attempt = _read(folder)
    return attempt.size_bytes if attempt else 0


def _free_bytes(folder: str) -> int:
    there = os.statvfs(folder)
    return there.f_bavail * there.f_frsize


def _files(folder: str) -> Iterator[str]:
    for here, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(here, name)
