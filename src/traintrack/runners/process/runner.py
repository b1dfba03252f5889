"""The process runner: Python images as uv environments and processes on this machine."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from traintrack.action.action import Action
from traintrack.action.image import PythonImage
from traintrack.action.job import Capabilities, Handle, Job, JobPhase, JobState
from traintrack.errors import HostError, TraintrackError
from traintrack.ports.runner import Ends
from traintrack.ports.shell import ShellRequest
from traintrack.ports.sources import Origins
from traintrack.ports.storage import Artifacts, Kept, Ledger, Staging
from traintrack.runners.contract.call import Programs
from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.runners.contract.code_folder import CodeStore
from traintrack.runners.contract.ending import of_stop
from traintrack.runners.contract.exits import CAN_WATCH, Exits
from traintrack.runners.contract.failed_attempts import FailedAttempts
from traintrack.runners.contract.job_file import JobFacts, JobFiles, facts_of
from traintrack.runners.contract.job_table import JobTable, Report
from traintrack.runners.contract.secret_files import missing_secret
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.skeleton_pool import SkeletonPool
from traintrack.runners.contract.stage import Stage, remove_tree
from traintrack.runners.contract.workers import Workers
from traintrack.runners.process.attempt import ISOLATION, Attempt
from traintrack.runners.process.orphans import end_orphan, is_living, living_jobs
from traintrack.runners.process.preparation import World, no_containers
from traintrack.runners.process.python_env import PythonEnvs, find_uv, host_platform, missing_uv
from traintrack.runners.process.surroundings import LaidOutProcess

_STUCK = "see `ps -eo pid,stat,wchan:30,args` for processes in state D"


class ProcessRunner:
    """Runs jobs as processes of this user; each has a thread, a stage and a session of its own while it lives.

    What a process cannot be given (no network, limits) is said in `capabilities` and in each state. A job
    outlives its runner only until somebody stops it: nobody else can learn its exit code. `find` finds
    it, `stop` ends it and saves its checkpoint.
    """

    def __init__(
        self,
        staging: Staging,
        artifacts: Artifacts,
        kept: Kept,
        ledger: Ledger,
        *,
        env_cache: Path,
        root: Path,
        secret_sources: Container[str] | None = None,
        attempts: FailedAttempts | None = None,
        origins: Origins | None = None,
        grace_s: float = 10.0,
        table: JobTable | None = None,
    ) -> None:
        """Make a runner over the parts of a storage; nothing is written yet.

        Args:
            staging: where the attempts' folders are made.
            artifacts: where inputs are read.
            kept: where code and lock files are.
            ledger: where logs go.
            env_cache: folder of the Python environments; may be shared by all storages of a user.
            root: folder of the runner's own state (jobs that live, checkpoints); one per storage.
            secret_sources: the sources of secrets that will have a value, None if that is not known yet.
            attempts: where failed attempts are kept to be looked into; below `root` if not given.
            origins: reads external data that is not imported; None where there is none.
            grace_s: how long a task has between SIGTERM and SIGKILL after its timeout.
            table: where the jobs are noted, if several runners share a table.
        """
        jobs = JobFiles(root / "jobs")
        checkpoints = Checkpoints(root / "checkpoints")
        self._world = World(
            staging=staging,
            artifacts=artifacts,
            ledger=ledger,
            envs=PythonEnvs(env_cache, kept),
            code=CodeStore(kept),
            checkpoints=checkpoints,
            attempts=attempts or FailedAttempts(root / "attempts"),
            jobs=jobs,
            skeletons=SkeletonPool(staging),
            programs=Programs(),
            origins=origins,
        )
        self._workers = Workers()
        self._exits = Exits() if CAN_WATCH else None
        # Also called when the interpreter ends, or when nobody has this runner any more.
        self._tidy = weakref.finalize(self, _leave, self._world)
        self._secret_sources = secret_sources
        self._grace_s = grace_s
        self._table = table or JobTable()
        self._strangers: dict[Handle, JobPhase] = {}

    @property
    def capabilities(self) -> Capabilities:
        """What it enforces, checks or cannot give."""
        return Capabilities("process", frozenset({"python"}), ISOLATION)

    def refuse(self, actions: Sequence[Action]) -> list[TraintrackError]:
        """Say what cannot run here: container images, other platforms, no uv, secrets without a value."""
        found: list[TraintrackError] = []
        if any(isinstance(a.image, PythonImage) for a in actions) and find_uv() is None:
            found.append(missing_uv())
        for action in actions:
            found += self._refuse(action)
        return found

    def start(self, jobs: Sequence[Job]) -> list[Handle]:
        """Begin the jobs, each in a thread, and return their handles in order.

        A job's handle, file and stage are there when this returns.

        Raises:
            HostError: nothing was started.
        """
        handles = []
        for job, (facts, skeleton) in zip(jobs, self._reserve_all(jobs), strict=True):
            handle = facts.handle
            attempt = Attempt(job, facts, skeleton, self._world, self._grace_s, partial(self._table.set, handle))
            self._table.add(handle, attempt, JobState(JobPhase.STAGING))
            self._begin(attempt)
            handles.append(handle)
        return handles

    def poll(self, handles: Collection[Handle], wait_s: float) -> Mapping[Handle, JobState]:
        """Return the states that changed, as soon as one does, at the latest after `wait_s`.

        FINISHED is told exactly once. Of a job of another process only RUNNING and GONE can be told.
        """
        return self._table.poll(handles, wait_s, self.stranger)

    def watch(self, handle: Handle, report: Report) -> bool:
        """Report what changes of a job of this process; see `ReportsChanges`."""
        return self._table.watch(handle, report)

    def lend(self) -> Ends | None:
        """Lend the ends of the jobs of this process to a caller who waits anyway; see `LendsEnds`."""
        return None if self._exits is None else self._exits.lend()

    def stop(self, handles: Collection[Handle], grace_s: float) -> None:
        """End the jobs with everything they started; returns when they are gone and their folders too.

        Raises:
            HostError: a process cannot be killed.
        """
        if self._exits is not None:
            # Who has the ends may be the caller, and waits here for them.
            self._exits.close()
        others = self._table.strangers(handles)
        self.ask(handles, grace_s)
        for handle in others:
            facts = self._world.jobs.known(handle)
            if facts is not None:
                end_orphan(facts, self._world.jobs, self._world.checkpoints, grace_s)
        self._table.await_end([h for h in handles if h not in others], grace_s, _STUCK)

    def lay_out(self, request: ShellRequest) -> LaidOutProcess:
        """Lay out what a task would find, for a shell.

        Raises:
            TraintrackError: the image, the code, an input or a secret is not there.
        """
        return LaidOutProcess(request, self._world)

    def ask(self, handles: Collection[Handle], grace_s: float) -> None:
        """Begin to end those of the jobs that this process started; `stop` also waits, and ends the others."""
        for attempt in self._table.living(handles):
            attempt.end(of_stop(), grace_s)

    def close(self) -> None:
        """Remove the stages that were kept for further jobs; those of living jobs go when these end."""
        self._tidy()

    def find(self, flights: Collection[str]) -> Mapping[str, Handle]:
        """Map each flight that has a living job on this machine, of whatever process, to its handle."""
        wanted = set(flights)
        jobs = [facts for facts in self._world.jobs.all() if facts.flight in wanted]
        return {facts.flight: facts.handle for facts in living_jobs(jobs, self._world.jobs)}

    def tidy_up(self) -> int:
        """Remove what is noted of jobs of which nothing lives, and return how many these were; checkpoints stay.

        Raises:
            HostError: something cannot be removed.
        """
        return sum(self._tidied(facts) for facts in list(self._world.jobs.all()))

    def find_checkpoint(self, flight: str) -> str | None:
        """Return the key of the newest sealed checkpoint of a flight, for `Job.checkpoint`; None if there is none."""
        return self._world.checkpoints.find(flight)

    def checkpoint_path(self, key: str) -> Path | None:
        """Where a checkpoint lies, None if it is not on this machine."""
        path = self._world.checkpoints.path_of(key)
        return None if path is None else Path(path)

    def place_for_checkpoint(self, key: str) -> Path | None:
        """Where one that comes from another machine is to be put; see `CarriesCheckpoints`."""
        path = self._world.checkpoints.place_for(key)
        return None if path is None else Path(path)

    def logs(self, handle: Handle, offset: int) -> bytes:
        """Return masked bytes of the log from `offset` on.

        Empty for a living job of another process: only the runner that has the secrets can mask them.
        """
        key = self._table.kept_log(handle)
        if key is None:
            return b"".join(attempt.log(offset) for attempt in self._table.living((handle,)))
        path = self._world.ledger.log(key)
        if path is None:
            return b""
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(1 << 20)

    def _refuse(self, action: Action) -> Iterable[TraintrackError]:
        if not isinstance(action.image, PythonImage):
            yield no_containers()
        elif action.platform not in ("any", host_platform()):
            yield HostError(
                f"`{action.label}` is for {action.platform}, this machine is {host_platform()}",
                code="other-platform",
                hint="take `platform` away, or run it with an environment that has such machines",
            )
        if self._secret_sources is not None:
            yield from (missing_secret(s) for s in action.secrets if s.source not in self._secret_sources)

    def _begin(self, attempt: Attempt) -> None:
        """Start a task at once if it only has to be started, else in a thread; its end is awaited beside all others."""
        if self._exits is None or not attempt.is_short_to_begin:
            self._workers.run(attempt.run)
        elif attempt.begin():
            self._exits.watch(attempt.pid, partial(self._finish, attempt))

    def _finish(self, attempt: Attempt) -> None:
        """Look after the end of a task: here if that is a matter of a moment, for the thread may have more to do."""
        if attempt.is_short_to_finish():
            attempt.finish(is_short=True)
        else:
            self._workers.run(attempt.finish)

    def _reserve_all(self, jobs: Sequence[Job]) -> list[tuple[JobFacts, Skeleton]]:
        done: list[tuple[JobFacts, Skeleton]] = []
        try:
            # What was reserved before an error stays in the list.
            done.extend(self._reserve(job) for job in jobs)
        except TraintrackError:
            for facts, skeleton in done:
                self._world.jobs.remove(facts)
                skeleton.remove()
                remove_tree(facts.out)
            raise
        return done

    def _reserve(self, job: Job) -> tuple[JobFacts, Skeleton]:
        if job.resumed or job.attempt > 1:
            self._tidy_after_the_dead(job.flight)
        name = f"{job.flight}.{job.attempt}"
        skeleton = self._world.skeletons.take(name)
        try:
            out = self._world.staging.new_stage(f"{name}.out")
            facts = facts_of(job.flight, job.attempt, Stage(skeleton.path, str(out)))
            self._world.jobs.add(facts)
        except TraintrackError:
            skeleton.remove()
            raise
        except OSError as error:
            skeleton.remove()
            remove_tree(str(out))
            raise HostError(
                f"cannot note a job at `{error.filename}`: {error.strerror}",
                code="runner-state",
                hint="make room there, or see who owns that folder",
            ) from error
        return facts, skeleton

    def _tidy_after_the_dead(self, flight: str) -> None:
        """Remove what a runner left that was killed before anybody else knew of its job: no handle names that one."""
        for facts in self._world.jobs.of_flight(flight):
            self._tidied(facts)
        try:
            self._world.jobs.drop_unwritten(flight)
        except OSError as error:
            raise _untidy(error, flight) from error

    def _tidied(self, facts: JobFacts) -> bool:
        """Remove what a job has left of which nothing lives; tell if that was so."""
        if is_living(facts, self._world.jobs):
            return False
        try:
            end_orphan(facts, self._world.jobs, self._world.checkpoints, 0.0)
        except OSError as error:
            raise _untidy(error, facts.stage) from error
        return True

    def stranger(self, handle: Handle) -> JobState | None:
        """Tell what is new of a job of another process, None if nothing."""
        facts = self._world.jobs.known(handle)
        alive = facts is not None and is_living(facts, self._world.jobs)
        phase = JobPhase.RUNNING if alive else JobPhase.GONE
        if self._strangers.get(handle) is phase:
            return None
        self._strangers[handle] = phase
        return JobState(phase, isolation=ISOLATION)


def _untidy(error: OSError, what: str) -> HostError:
    return HostError(
        f"cannot tidy up after a dead run at `{error.filename or what}`: {error.strerror or error}",
        code="runner-state",
        hint="see who owns that folder, then run again",
    )


def _leave(world: World) -> None:
    world.skeletons.close()
    world.jobs.close()
