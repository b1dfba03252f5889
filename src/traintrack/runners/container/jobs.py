"""What the disk knows about the containers of a storage: enough for another process to adopt or end a job.

One file per job that is not over, beside the container's labels. It holds the job but for the values of secrets.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.job import Handle, Job
from traintrack.action.stored import decode_stored
from traintrack.digest import TargetId, sha256_hex
from traintrack.runners.container.secret_folder import read_secrets
from traintrack.runners.contract.job_file import facts_of
from traintrack.runners.contract.proc_table import ProcessName, boot_id, is_alive
from traintrack.runners.contract.stage import Stage
from traintrack.runners.contract.stored_job import restored_job, stored_job

LABEL = "traintrack"
"""The label that every container of a task has; others begin with it and a point."""

_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class ContainerJob(Struct, frozen=True):
    """A job and whose it is: `marker` is random, `boot_id`, `runner_pid` and `runner_started` say who watches it.

    `checkpoints` is the attempt's folder for them, `image` what the record says of it, `word` names the program; they
    are empty until the container is about to start. `job` is plain data (`stored_job`).
    """

    flight: str
    attempt: int
    id: TargetId
    stage: str
    out: str
    marker: str
    boot_id: str
    runner_pid: int
    runner_started: str
    checkpoints: str = ""
    image: str = ""
    platform: str = ""
    word: str = ""
    job: Any = None

    @property
    def handle(self) -> Handle:
        """Its name for others; nothing in it changes with who watches the job."""
        return Handle(
            _SORTED({"attempt": self.attempt, "container": self.marker, "flight": self.flight, "stage": self.stage})
        )

    @property
    def name(self) -> str:
        """The container's name."""
        return f"traintrack-{self.marker}"

    @property
    def runner_lives(self) -> bool:
        """Tell if the process that watches it is still there."""
        return self.is_of_this_boot and is_alive(ProcessName(self.runner_pid, self.runner_started))

    @property
    def is_of_this_boot(self) -> bool:
        """Tell if the machine was not started anew since; the end of a container then tells nothing."""
        return self.boot_id == boot_id()

    def restored(self) -> Job | None:
        """Return the job without the values of secrets, None if another version wrote it."""
        try:
            return restored_job(self.job)
        except msgspec.MsgspecError:
            return None


class _Named(Struct, frozen=True):
    container: str
    flight: str
    attempt: int
    stage: str


def new_job(job: Job, stage: Stage) -> ContainerJob:
    """Return what is noted of a job that this process begins, with a fresh marker."""
    facts = facts_of(job.flight, job.attempt, stage)
    return ContainerJob(
        job.flight,
        job.attempt,
        job.action.id,
        stage.folder,
        stage.out,
        facts.marker,
        facts.boot_id,
        facts.runner_pid,
        facts.runner_started,
        job=stored_job(job),
    )


def adopted(job: ContainerJob) -> ContainerJob:
    """Return a job as one that this process watches."""
    facts = facts_of(job.flight, job.attempt, Stage(job.stage, job.out))
    return replace(job, runner_pid=facts.runner_pid, runner_started=facts.runner_started, boot_id=facts.boot_id)


def with_secrets(noted: ContainerJob) -> Job | None:
    """Return the job with the values of its secrets, which lie in memory; None if they are gone: its log is unmasked."""
    job = noted.restored()
    if job is None or not job.action.secrets:
        return job
    values = read_secrets(job.action.secrets, noted.marker)
    return None if values is None else replace(job, secrets=values)


class ContainerJobs:
    """The files of the jobs of one storage, in `root`; `labels` tell its containers from those of others."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._place = sha256_hex(os.fsencode(os.path.realpath(root)))[:16]

    @property
    def labels(self) -> dict[str, str]:
        """What every container of this storage is labelled with."""
        return {LABEL: "task", f"{LABEL}.storage": self._place}

    def labels_of(self, job: ContainerJob, label: str) -> dict[str, str]:
        """Return the labels of a job's container; that of the target is for people."""
        told = {"flight": job.flight, "attempt": str(job.attempt), "id": job.id, "marker": job.marker, "target": label}
        return {**self.labels, **{f"{LABEL}.{name}": value for name, value in told.items()}}

    def write(self, job: ContainerJob) -> None:
        """Note a job, or what is new of one; a reader sees the old or the new.

        Raises:
            OSError: it cannot be written.
        """
        path = self._path(job.marker)
        half = f"{path}.new"
        data = _SORTED(msgspec.to_builtins(job)).encode()
        try:
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            os.makedirs(self._root, mode=0o700, exist_ok=True)
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        os.rename(half, path)

    def known(self, handle: Handle) -> ContainerJob | None:
        """Return the job of a handle, if this machine's runner has noted it: a handle alone could name anything."""
        named = _read(handle)
        job = self._job(named.container) if named is not None else None
        return job if job is not None and job.handle == handle else None

    def remove(self, job: ContainerJob) -> None:
        """Forget a job that is over."""
        for path in (self._path(job.marker), f"{self._path(job.marker)}.new"):
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue

    def exists(self, job: ContainerJob) -> bool:
        """Tell if a job is not over."""
        return os.path.exists(self._path(job.marker))

    def all(self) -> Iterator[ContainerJob]:
        """Return the jobs that are not over, in no order."""
        for name in self._names():
            job = self._job(name)
            if job is not None:
                yield job

    def of_flights(self, flights: Collection[str]) -> list[ContainerJob]:
        """Return the jobs of flights that are not over, by flight and attempt."""
        found = [job for job in self.all() if job.flight in flights]
        return sorted(found, key=lambda job: (job.flight, job.attempt))

    @property
    def any(self) -> bool:
        """Tell if there is a job that is not over; reads no file."""
        return bool(self._names())

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._root) if not name.endswith(".new")]
        except FileNotFoundError:
            return []

    def _job(self, marker: str) -> ContainerJob | None:
        try:
            with open(self._path(marker), "rb") as file:
                job = msgspec.convert(json.loads(file.read()), ContainerJob)
        except (OSError, ValueError, RecursionError):
            return None
        return job if job.marker == marker else None

    def _path(self, marker: str) -> str:
        return f"{self._root}/{marker}"


def _read(handle: Handle) -> _Named | None:
    try:
        named = decode_stored(handle.encode("utf-8", "replace"), _Named)
    except msgspec.MsgspecError:
        return None
    return named if named.container.isalnum() else None
