"""The container runner: images of a registry or a Dockerfile, in containers of docker or podman on this machine."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from traintrack.action.action import Action
from traintrack.action.image import PythonImage
from traintrack.action.job import Capabilities, Handle, Job, JobPhase, JobState
from traintrack.errors import HostError, TraintrackError
from traintrack.ports.runner import Adopted
from traintrack.ports.shell import ShellRequest
from traintrack.ports.sources import Origins
from traintrack.ports.storage import Artifacts, Kept, Ledger, Staging
from traintrack.runners.container.accounts import AccountFiles
from traintrack.runners.container.attempt import ContainerAttempt
from traintrack.runners.container.engine import Engine, Inspected
from traintrack.runners.container.images import Images
from traintrack.runners.container.isolation import ISOLATION, isolation_of
from traintrack.runners.container.jobs import ContainerJob, ContainerJobs, adopted, with_secrets
from traintrack.runners.container.orphans import can_be_adopted, containers_of, end_orphan
from traintrack.runners.container.preparation import World
from traintrack.runners.container.reservations import Reservations
from traintrack.runners.container.surroundings import LaidOutContainer
from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.runners.contract.code_folder import CodeStore
from traintrack.runners.contract.ending import of_stop
from traintrack.runners.contract.failed_attempts import FailedAttempts
from traintrack.runners.contract.job_table import JobTable, Report
from traintrack.runners.contract.logs import Mask
from traintrack.runners.contract.secret_files import missing_secret
from traintrack.runners.contract.skeleton_pool import SkeletonPool
from traintrack.runners.contract.stage import Stage
from traintrack.runners.contract.workers import Workers

_STUCK = "see `docker ps -a --filter label=traintrack`"


class ContainerRunner:
    """Runs jobs in containers; each has a thread here while this process lives, and none needs it to go on.

    A job whose process has died is found by its flight and can be adopted: its end is learnt and its output collected
    by the adopter. The engine is looked for at the first question that needs it.
    """

    def __init__(
        self,
        staging: Staging,
        artifacts: Artifacts,
        kept: Kept,
        ledger: Ledger,
        *,
        engine: Callable[[], Engine],
        root: Path,
        registry: str | None = None,
        secret_sources: Container[str] | None = None,
        attempts: FailedAttempts | None = None,
        origins: Origins | None = None,
        grace_s: float = 10.0,
        table: JobTable | None = None,
    ) -> None:
        """Make a runner over the parts of a storage; nothing is written or asked yet.

        Args:
            staging: where the attempts' folders are made.
            artifacts: where inputs are read.
            kept: where code and the trees of builds are.
            ledger: where logs go.
            engine: finds the engine; raises HostError if there is none.
            root: folder of the runner's own state (jobs, checkpoints); one per storage.
            registry: where images that are built are pushed to, None if nowhere.
            secret_sources: the sources of secrets that will have a value, None if that is not known yet.
            attempts: where failed attempts are kept to be looked into; below `root` if not given.
            origins: reads external data that is not imported; None where there is none.
            grace_s: how long a task has between SIGTERM and SIGKILL after its timeout.
            table: where the jobs are noted, if several runners share a table.
        """
        self._staging, self._artifacts, self._kept, self._ledger = staging, artifacts, kept, ledger
        self._find_engine, self._root, self._registry = engine, root, registry
        self._jobs = ContainerJobs(root / "containers")
        self._checkpoints = Checkpoints(root / "checkpoints")
        self._attempts = attempts or FailedAttempts(root / "attempts")
        self._origins = origins
        self._skeletons = SkeletonPool(staging)
        self._reservations = Reservations(staging, self._skeletons, self._jobs)
        self._workers = Workers()
        # Also called when the interpreter ends, or when nobody has this runner any more.
        self._tidy = weakref.finalize(self, self._skeletons.close)
        self._secret_sources = secret_sources
        self._grace_s = grace_s
        self._table = table or JobTable()
        self._strangers: dict[Handle, JobPhase] = {}
        self._guard = threading.Lock()
        self._made: World | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What it enforces, checks or cannot give."""
        return Capabilities("container", frozenset({"container", "build"}), ISOLATION)

    def refuse(self, actions: Sequence[Action]) -> list[TraintrackError]:
        """Say what cannot run here: no engine, other platforms, secrets without a value."""
        if not actions:
            return []
        try:
            platform = self._world().info.platform
        except HostError as error:
            return [error]
        return [refusal for action in actions for refusal in self._refuse(action, platform)]

    def start(self, jobs: Sequence[Job]) -> list[Handle]:
        """Begin the jobs, each in a thread, and return their handles in order.

        A job's handle, file and stage are there when this returns.

        Raises:
            HostError: nothing was started.
        """
        world = self._world()
        for job in jobs:
            if job.resumed or job.attempt > 1:
                self._tidy_after_the_dead(job.flight)
        handles = []
        for job, (noted, skeleton) in zip(jobs, self._reservations.make(jobs), strict=True):
            handle = noted.handle
            publish = partial(self._table.set, handle)
            attempt = ContainerAttempt(job, noted, world, self._grace_s, publish, skeleton=skeleton)
            self._begin(handle, attempt, job)
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

    def stop(self, handles: Collection[Handle], grace_s: float) -> None:
        """End the jobs with everything they started; returns when they are gone and their folders too.

        Raises:
            HostError: a container cannot be stopped or removed.
        """
        others = self._table.strangers(handles)
        own = [attempt for attempt in self._table.living(handles) if isinstance(attempt, ContainerAttempt)]
        containers = [container for attempt in own if (container := attempt.ask(of_stop())) is not None]
        if containers:
            self._world().engine.stop(containers, grace_s)
        noted = [job for handle in others if (job := self._jobs.known(handle)) is not None]
        if noted:
            there = containers_of(self._jobs, self._world().engine, noted)
            for job in noted:
                self._end_orphan(job, there.get(job.marker), grace_s)
        self._table.await_end([h for h in handles if h not in others], grace_s, _STUCK)

    def lay_out(self, request: ShellRequest) -> LaidOutContainer:
        """Lay out what a task would find, for a shell.

        Raises:
            TraintrackError: the engine, the image, the code, an input or a secret is not there.
        """
        return LaidOutContainer(request, self._world())

    def close(self) -> None:
        """Remove the stages that were kept for further jobs; those of living jobs go when these end."""
        self._tidy()

    def find(self, flights: Collection[str]) -> Mapping[str, Handle]:
        """Map each flight that has a job on this machine to its handle, living or ended and not collected yet."""
        jobs = self._jobs.of_flights(set(flights))
        if not jobs:
            return {}
        lonely = [job for job in jobs if not job.runner_lives]
        there = containers_of(self._jobs, self._world().engine, lonely) if lonely else {}
        return {job.flight: job.handle for job in jobs if job.runner_lives or job.marker in there}

    def adopt(self, flight: str) -> Adopted | None:
        """Take on the job of a flight whose process is dead: from now on it is as one that was started here.

        Raises:
            HostError: the engine cannot be reached.
        """
        jobs = [job for job in self._jobs.of_flights({flight}) if not job.runner_lives]
        if not jobs:
            return None
        there = containers_of(self._jobs, self._world().engine, jobs)
        for noted in reversed(jobs):
            found = there.get(noted.marker)
            job = with_secrets(noted)
            if job is not None and found is not None and can_be_adopted(noted, found):
                return self._adopt(noted, job, found)
        return None

    def abandoned(self) -> Mapping[Handle, tuple[str, str]]:
        """Map the handle of each job that no process watches to its target's ID and its flight."""
        return {job.handle: (job.id, job.flight) for job in self._jobs.all() if not job.runner_lives}

    def find_checkpoint(self, flight: str) -> str | None:
        """Return the key of the newest sealed checkpoint of a flight, for `Job.checkpoint`; None if there is none."""
        return self._checkpoints.find(flight)

    def logs(self, handle: Handle, offset: int) -> bytes:
        """Return masked bytes of the log from `offset` on."""
        key = self._table.kept_log(handle)
        path = self._ledger.log(key) if key is not None else None
        if path is not None:
            with open(path, "rb") as file:
                file.seek(offset)
                return file.read(1 << 20)
        own = self._table.living((handle,))
        return own[0].log(offset) if own else self._log_of_stranger(handle, offset)

    def stranger(self, handle: Handle) -> JobState | None:
        """Tell what is new of a job of another process, None if nothing."""
        noted = self._jobs.known(handle)
        alive = noted is not None and (
            noted.runner_lives or noted.marker in containers_of(self._jobs, self._world().engine)
        )
        phase = JobPhase.RUNNING if alive else JobPhase.GONE
        if self._strangers.get(handle) is phase:
            return None
        self._strangers[handle] = phase
        return JobState(phase, isolation=ISOLATION)

    def _world(self) -> World:
        with self._guard:
            if self._made is None:
                engine = self._find_engine()
                self._made = World(
                    staging=self._staging,
                    artifacts=self._artifacts,
                    ledger=self._ledger,
                    engine=engine,
                    info=engine.info(),
                    images=Images(engine, self._kept, self._root / "images", self._registry),
                    accounts=AccountFiles(self._root / "accounts"),
                    code=CodeStore(self._kept),
                    checkpoints=self._checkpoints,
                    attempts=self._attempts,
                    jobs=self._jobs,
                    skeletons=self._skeletons,
                    origins=self._origins,
                )
            return self._made

    def _begin(self, handle: Handle, attempt: ContainerAttempt, job: Job) -> None:
        self._table.add(handle, attempt, JobState(JobPhase.STAGING, isolation=isolation_of(job)))
        self._workers.run(attempt.run)

    def _adopt(self, noted: ContainerJob, job: Job, found: Inspected) -> Adopted:
        mine = adopted(noted)
        self._jobs.write(mine)
        publish = partial(self._table.set, mine.handle)
        attempt = ContainerAttempt(job, mine, self._world(), self._grace_s, publish, found=found)
        self._begin(mine.handle, attempt, job)
        return Adopted(mine.handle, mine.attempt)

    def _log_of_stranger(self, handle: Handle, offset: int) -> bytes:
        noted = self._jobs.known(handle)
        job = with_secrets(noted) if noted is not None else None
        if noted is None or job is None:
            return b""
        return Mask(job.secrets.values()).read(Stage(noted.stage, noted.out).log, offset)

    def _refuse(self, action: Action, platform: str) -> Iterable[TraintrackError]:
        if isinstance(action.image, PythonImage):
            yield HostError("a Python image needs no container", code="runner", hint="report this: it is our mistake")
        if self._secret_sources is not None:
            yield from (missing_secret(s) for s in action.secrets if s.source not in self._secret_sources)
        if action.platform not in ("any", platform):
            yield HostError(
                f"`{action.label}` is for {action.platform}, the engine of this machine runs {platform}",
                code="other-platform",
                hint=f"set `platform: {platform}`, or run it with an environment that has such machines",
            )

    def _tidy_after_the_dead(self, flight: str) -> None:
        """Remove what a runner left that was killed before its container began: nobody adopts that."""
        dead = [job for job in self._jobs.of_flights({flight}) if not job.runner_lives] if self._jobs.any else []
        if dead:
            there = containers_of(self._jobs, self._world().engine, dead)
            for job in dead:
                self._end_orphan(job, there.get(job.marker), 0.0)

    def _end_orphan(self, job: ContainerJob, found: Inspected | None, grace_s: float) -> None:
        end_orphan(job, found, self._world().engine, self._jobs, self._checkpoints, grace_s)
