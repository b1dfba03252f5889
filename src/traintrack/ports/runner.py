"""How an action is executed: plural, resumable, and separate from the process that asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from traintrack.action.action import Action
from traintrack.action.job import Capabilities, Handle, Job, JobState
from traintrack.errors import TraintrackError


class Runner(Protocol):
    """Executes jobs. Leaving never stops work, except of a runner whose jobs cannot outlive their parent; `stop` does.

    A job is named by its flight and attempt, so `find` recovers one whose handle was never written.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What it enforces, checks or cannot give."""

    def refuse(self, actions: Sequence[Action]) -> list[TraintrackError]:
        """Say early and cheaply what cannot run here, before hours are spent; empty if all can."""

    def start(self, jobs: Sequence[Job]) -> list[Handle]:
        """Begin the jobs and return a handle each, in order, without waiting for the tasks.

        Staging inputs, starting the program and storing the output are the runner's part.

        Raises:
            HostError: nothing was started.
        """

    def poll(self, handles: Collection[Handle], wait_s: float) -> Mapping[Handle, JobState]:
        """Return the states that changed since the last poll, as soon as one does, at the latest after `wait_s`.

        `handles` may grow meanwhile: it is read anew at each change. With `wait_s` 0 only what is known already is told.
        """

    def stop(self, handles: Collection[Handle], grace_s: float) -> None:
        """End the jobs with everything they started; asks first, kills after `grace_s`. Returns when they are gone.

        Also for handles of another process that is dead. Repeating it is harmless.
        """

    def find(self, flights: Collection[str]) -> Mapping[str, Handle]:
        """Map each flight that has a living job on this machine or cluster to its handle."""

    def find_checkpoint(self, flight: str) -> str | None:
        """The key of the newest sealed checkpoint of a flight, whoever ran it, for `Job.checkpoint`; None if there is none."""

    def logs(self, handle: Handle, offset: int) -> bytes:
        """Return what the task has written from byte `offset` on; empty if there is nothing more yet."""


class Adopted(Struct, frozen=True):
    """A job of a dead process that this one watches now, and which attempt of its flight it is."""

    handle: Handle
    attempt: int


@runtime_checkable
class AdoptsJobs(Protocol):
    """A runner whose jobs outlive the process that started them; an addition to `Runner`."""

    def adopt(self, flight: str) -> Adopted | None:
        """Take on the job of a flight whose process is dead, living or ended; None if there is none to be had.

        The caller holds the flight's cell. From then on `poll`, `logs` and `stop` work as for an own job.

        Raises:
            HostError: it cannot be found out.
        """

    def abandoned(self) -> Mapping[Handle, tuple[str, str]]:
        """Map the handle of each job that no process watches to its target's ID and its flight."""


@runtime_checkable
class ReportsChanges(Protocol):
    """A runner that says by itself what changed, for jobs of this process; an addition to `Runner`."""

    def watch(self, handle: Handle, report: Callable[[Handle, JobState], None]) -> bool:
        """Report the state that was not told yet, if there is one, and each later one; False if `poll` must be asked.

        `report` is called from any thread, in order, and must return at once. Progress within a phase is told by `poll`.
        """


class Ends(Protocol):
    """Ends of jobs that the caller's thread looks after while it waits anyway; from `lend` to `close`."""

    def fileno(self) -> int:
        """A descriptor that can be read from while an end is to be looked after."""

    def due(self) -> list[Callable[[], None]]:
        """What is to be done now, which may be nothing; each is to be called once, soon, in any thread, and raises nothing."""

    def close(self) -> None:
        """Leave the ends to the runner again; also the runner may do so, and then nothing is due any more."""


@runtime_checkable
class LendsEnds(Protocol):
    """A runner that leaves it to its caller to look after the ends of jobs; an addition to `Runner`.

    To wake a thread for each, and to wait for the interpreter in it, costs more than a short job.
    """

    def lend(self) -> Ends | None:
        """Lend the ends of all jobs of this process; None where that is not possible."""


@runtime_checkable
class TidiesUp(Protocol):
    """A runner that keeps notes of its jobs, which stay where a process dies; an addition to `Runner`."""

    def tidy_up(self) -> int:
        """Remove what is noted of jobs of which nothing lives, and return how many these were; checkpoints stay.

        Raises:
            HostError: something cannot be removed.
        """
