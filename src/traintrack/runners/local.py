"""The local runner: one runner for this machine, which gives each job to processes or to containers by its image."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from traintrack.action.action import Action
from traintrack.action.image import Image, PythonImage
from traintrack.action.job import Capabilities, Handle, Job, JobState
from traintrack.errors import TraintrackError
from traintrack.ports.runner import Adopted, Ends
from traintrack.ports.shell import LaidOut, ShellRequest
from traintrack.runners.contract.job_table import JobTable, Report
from traintrack.runners.process.runner import ProcessRunner

if TYPE_CHECKING:
    from traintrack.runners.container.runner import ContainerRunner

_IMAGES = frozenset({"python", "container", "build"})


class LocalRunner:
    """Sends jobs on; both runners keep them in one `table`, so that one wait is for all of them.

    What containers need is loaded by `containers` once a job needs one, or `noted`, their folder of living jobs, has
    one: who uses none pays nothing.
    """

    def __init__(
        self, processes: ProcessRunner, containers: Callable[[], ContainerRunner], noted: Path, table: JobTable
    ) -> None:
        self._processes = processes
        self._make_containers = containers
        self._noted = noted
        self._table = table

    @property
    def capabilities(self) -> Capabilities:
        """What both can run; what is enforced differs, and stands in the state of each job."""
        return Capabilities("local", _IMAGES, self._processes.capabilities.isolation)

    def refuse(self, actions: Sequence[Action]) -> list[TraintrackError]:
        """Say what cannot run here; no engine is looked for unless an image needs one."""
        processes = [action for action in actions if _is_process(action.image)]
        containers = [action for action in actions if not _is_process(action.image)]
        refused = self._containers.refuse(containers) if containers else []
        return [*self._processes.refuse(processes), *refused]

    def start(self, jobs: Sequence[Job]) -> list[Handle]:
        """Begin the jobs and return their handles in order.

        Raises:
            HostError: nothing was started.
        """
        processes = [job for job in jobs if _is_process(job.action.image)]
        containers = [job for job in jobs if not _is_process(job.action.image)]
        begun = iter(self._containers.start(containers) if containers else ())
        try:
            others = iter(self._processes.start(processes) if processes else ())
        except TraintrackError:
            self._containers.stop(list(begun), 0.0)
            raise
        return [next(others if _is_process(job.action.image) else begun) for job in jobs]

    def poll(self, handles: Collection[Handle], wait_s: float) -> Mapping[Handle, JobState]:
        """Return the states that changed, as soon as one does, at the latest after `wait_s`."""
        return self._table.poll(handles, wait_s, self._stranger)

    def watch(self, handle: Handle, report: Report) -> bool:
        """Report what changes of a job of this process; see `ReportsChanges`."""
        return self._table.watch(handle, report)

    def lend(self) -> Ends | None:
        """Lend the ends of processes; those of containers are looked after beside."""
        return self._processes.lend()

    def stop(self, handles: Collection[Handle], grace_s: float) -> None:
        """End the jobs with everything they started, those of both kinds at once.

        Raises:
            HostError: something cannot be ended.
        """
        containers = [handle for handle in handles if _is_container(handle)]
        processes = [handle for handle in handles if not _is_container(handle)]
        self._processes.ask(processes, grace_s)
        if containers:
            self._containers.stop(containers, grace_s)
        if processes:
            self._processes.stop(processes, grace_s)

    def close(self) -> None:
        """Remove the stages that were kept for further jobs."""
        self._processes.close()
        if "_containers" in self.__dict__:
            self._containers.close()

    def find(self, flights: Collection[str]) -> Mapping[str, Handle]:
        """Map each flight that has a job on this machine to its handle."""
        containers = self._containers.find(flights) if self._any_container else {}
        return {**self._processes.find(flights), **containers}

    def adopt(self, flight: str) -> Adopted | None:
        """Take on a container of a dead process; processes cannot be adopted.

        Raises:
            HostError: the engine cannot be reached.
        """
        return self._containers.adopt(flight) if self._any_container else None

    def abandoned(self) -> Mapping[Handle, tuple[str, str]]:
        """Map the handle of each container that no process watches to its target's ID and its flight."""
        return self._containers.abandoned() if self._any_container else {}

    def tidy_up(self) -> int:
        """Remove what is noted of processes of which nothing lives; containers are found by `abandoned`.

        Raises:
            HostError: something cannot be removed.
        """
        return self._processes.tidy_up()

    def find_checkpoint(self, flight: str) -> str | None:
        """Return the key of the newest sealed checkpoint of a flight; both runners keep them in one place."""
        return self._processes.find_checkpoint(flight)

    def checkpoint_path(self, key: str) -> Path | None:
        """Where a checkpoint lies, None if it is not on this machine."""
        return self._processes.checkpoint_path(key)

    def place_for_checkpoint(self, key: str) -> Path | None:
        """Where one that comes from another machine is to be put; see `CarriesCheckpoints`."""
        return self._processes.place_for_checkpoint(key)

    def logs(self, handle: Handle, offset: int) -> bytes:
        """Return masked bytes of the log from `offset` on."""
        runner = self._containers if _is_container(handle) else self._processes
        return runner.logs(handle, offset)

    def lay_out(self, request: ShellRequest) -> LaidOut:
        """Lay out what a task would find, for a shell.

        Raises:
            TraintrackError: the image, the code, an input or a secret is not there.
        """
        runner = self._processes if _is_process(request.job.action.image) else self._containers
        return runner.lay_out(request)

    def _stranger(self, handle: Handle) -> JobState | None:
        runner = self._containers if _is_container(handle) else self._processes
        return runner.stranger(handle)

    @cached_property
    def _containers(self) -> ContainerRunner:
        return self._make_containers()

    @property
    def _any_container(self) -> bool:
        try:
            return bool(os.listdir(self._noted))
        except FileNotFoundError:
            return False


def _is_process(image: Image) -> bool:
    return isinstance(image, PythonImage)


def _is_container(handle: Handle) -> bool:
    """Tell a container's handle from a process's: in a string of JSON these quotes would stand behind a backslash."""
    return '"container":"' in handle
