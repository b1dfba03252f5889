"""One attempt of one flight, from an empty stage to a finished state; one thread runs it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from traintrack.action.image import PythonImage
from traintrack.action.job import Job, JobPhase, JobState, Output
from traintrack.action.record import Isolation, Timings
from traintrack.errors import InternalError, TraintrackError
from traintrack.runners.contract.closing import BROKE_OFF, final_state, free_bytes, iso, judged, keep_log, with_tail
from traintrack.runners.contract.collect import collect, read_progress
from traintrack.runners.contract.ending import (
    AttemptFailedError,
    Ending,
    of_error,
    of_exit,
    of_program,
    of_time_out,
    on_full_disk,
)
from traintrack.runners.contract.failed_attempts import failed_attempt
from traintrack.runners.contract.inputs import StagedInput
from traintrack.runners.contract.job_file import JobFacts
from traintrack.runners.contract.logs import Mask, missing_module, tail
from traintrack.runners.contract.secret_files import remove_secrets
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.stage import Stage, remove_tree
from traintrack.runners.process.preparation import Prepared, World, prepare, provide_python, why_not_executed
from traintrack.runners.process.process_group import TaskProcess
from traintrack.runners.process.python_env import host_platform

ISOLATION = Isolation(
    enforced=("code", "current folder", "environment", "secrets", "timeout", "no process outlives the task"),
    checked=("inputs unchanged", "outputs"),
    missing=("network", "memory", "cpu", "disk", "user", "files of the host"),
)


SHORT_S = 1.0
"""A task that ran no longer has hardly left gigabytes; and for a longer one it does not matter what a thread costs."""


class Attempt:
    """Runs a job; `publish` is given each new state, the last of which is FINISHED.

    Other threads may `end` it, look at its `progress` and read its `log`.
    """

    def __init__(
        self,
        job: Job,
        facts: JobFacts,
        skeleton: Skeleton,
        world: World,
        grace_s: float,
        publish: Callable[[JobState], None],
    ) -> None:
        self.facts = facts
        self._job = job
        self._skeleton = skeleton
        self._world = world
        self._grace_s = grace_s
        self._publish = publish
        self._mask = Mask(job.secrets.values())
        self._stage = Stage(facts.stage, facts.out)
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._asked: Ending | None = None
        self._deadline: float | None = None
        self._process: TaskProcess | None = None
        self._exited = False
        self._alone = True
        self._reusable = False
        self._checkpoints: str | None = None
        self._inputs: tuple[StagedInput, ...] = ()
        self._began = datetime.now(UTC)
        self._begun = time.monotonic()
        self._timers: list[threading.Timer] = []
        self._state = JobState(JobPhase.STAGING, isolation=ISOLATION, platform=host_platform(), image=_image(job))

    def run(self) -> None:
        """Do everything, and publish the end whatever happens."""
        if self.begin():
            self.finish()

    def begin(self) -> bool:
        """Lay out and start the task; False if that failed: then the attempt is over, and its end published."""
        self._began = datetime.now(UTC)
        running: TaskProcess | None = None
        ending: Ending | None = BROKE_OFF
        try:
            running, ending = judged(self._launch, self._stage.folder)
        finally:
            if running is None:
                self._over(None, ending)
        return running is not None

    def finish(self, *, is_short: bool = False) -> None:
        """Wait for the task, collect what it made, and publish the end whatever happens.

        That output is being stored is not published where that `is_short`: the end follows at once.
        """
        ending: Ending | None = BROKE_OFF
        output: Output | None = None
        try:
            output, ending = judged(lambda: self._gather(is_short=is_short), self._stage.folder)
        finally:
            self._over(output, ending)

    @property
    def is_short_to_begin(self) -> bool:
        """Tell if nothing has to be built or fetched before the task, and nothing but its end is to be waited for."""
        action = self._job.action
        local = all(item.origin is None for item in self._job.inputs)
        return local and action.timeout_s is None and self._world.envs.has(action.image)

    def is_short_to_finish(self) -> bool:
        """Tell of a task that has exited if its end is looked after in a moment: what ran shortly has not left much.

        Not so where it failed, or left processes that have to be ended first.
        """
        is_old = time.monotonic() - self._begun > SHORT_S
        return not is_old and self._asked is None and self._running().succeeded_alone()

    @property
    def pid(self) -> int:
        """The number of the task's process, which runs or waits to be reaped."""
        return self._running().name.pid

    def end(self, ending: Ending, grace_s: float) -> None:
        """Ask the task to end, and kill it after `grace_s`; `ending` becomes the reason unless it ended before."""
        with self._lock:
            if self._exited:
                return
            self._asked = self._asked or ending
            deadline = time.monotonic() + grace_s
            self._deadline = min(self._deadline or deadline, deadline)
            process = self._process
        self._cancelled.set()
        if process is None:
            return
        process.send(signal.SIGTERM)
        self._later(grace_s, lambda: process.send(signal.SIGKILL))

    def log(self, offset: int) -> bytes:
        """Return masked bytes of the growing log."""
        return self._mask.read(self._stage.log, offset)

    def progress(self) -> str | None:
        """Return what the task says about its progress, None if nothing."""
        return read_progress(self._stage.out) if self._state.phase is JobPhase.RUNNING else None

    def _over(self, output: Output | None, ending: Ending | None) -> None:
        timings = replace(self._state.timings, started=iso(self._began))
        self._state = replace(self._state, timings=timings, output=output)
        self._close(ending)

    def _launch(self) -> TaskProcess:
        clock = time.monotonic()
        env = provide_python(self._job, self._world, self._cancelled)
        prepared = prepare(self._job, self.facts, env, self._skeleton, self._world, self._cancelled)
        self._checkpoints, self._inputs = prepared.checkpoints, prepared.inputs
        process = self._start(prepared)
        self._begun = time.monotonic()
        timings = Timings(staging_s=self._begun - clock)
        self._advance(replace(self._state, phase=JobPhase.RUNNING, timings=timings))
        return process

    def _gather(self, *, is_short: bool) -> Output:
        ending, left = self._finish(self._running())
        ended = time.monotonic()
        timings = replace(self._state.timings, task_s=ended - self._begun)
        self._state = replace(self._state, phase=JobPhase.STORING, timings=timings, message=_left_behind(left))
        if not is_short:
            self._publish(self._state)
        if ending is not None:
            raise AttemptFailedError(ending)
        output = collect(self._job.action, self._stage.out, self._inputs, self._world.staging)
        self._state = replace(self._state, timings=replace(timings, publishing_s=time.monotonic() - ended))
        return output

    def _running(self) -> TaskProcess:
        if self._process is None:
            raise InternalError("an attempt is waited for that has no process", code="runner")
        return self._process

    def _start(self, prepared: Prepared) -> TaskProcess:
        with self._lock:
            if self._asked is not None:
                raise AttemptFailedError(self._asked)
            try:
                process = TaskProcess(
                    prepared.argv,
                    env=prepared.variables,
                    cwd=prepared.stage.work,
                    log=prepared.stage.log,
                    claim=self.facts.claim,
                )
            except OSError as error:
                why = why_not_executed(error) if error.filename == prepared.argv[0] else None
                raise AttemptFailedError(of_program(prepared.argv[0], why) if why else of_error(error)) from error
            self._process = process
            self._alone = False
        try:
            self._world.jobs.add_process(self.facts, process.name)
        except OSError:
            # Nobody else could find it later: it must not live on unseen.
            process.send(signal.SIGKILL)
            self._finish(process)
            raise
        return process

    def _finish(self, process: TaskProcess) -> tuple[Ending | None, int]:
        """Wait until the task and all that it started are gone; return how it ended and how many it left behind."""
        timeout_s = self._job.action.timeout_s
        if timeout_s is not None and not process.wait(timeout_s):
            self.end(of_time_out(timeout_s), self._grace_s)
        process.wait()
        with self._lock:
            self._exited = True
            asked, deadline = self._asked, self._deadline
        for timer in self._timers:
            timer.cancel()
        left = process.clear(deadline)
        self._alone = True
        code, usage = process.reap()
        lines = tail(self._stage.log, self._mask) if code else ()
        module = missing_module(lines) if code > 0 else None
        self._state = replace(self._state, usage=usage, exit_code=code, missing_module=module)
        ending = of_exit(code, module)
        if ending is not None:
            ending = on_full_disk(ending, free_bytes(self._stage.out), self._stage.out)
        return asked or ending, left

    def _close(self, ending: Ending | None) -> None:
        """Keep the log, the checkpoint and the output of a failure, remove the rest, publish the end.

        Each step is taken whatever became of those before: a disk without room for the log must not leave secrets.
        """
        steps: list[Callable[[], None]] = [
            lambda: self._keep_log(ending),
            lambda: self._keep_checkpoint(ending),
            self._remove_secrets,
            lambda: self._leave_output(ending),
            self._leave_stage,
            lambda: self._world.jobs.remove(self.facts),
            self._give_stage_back,
        ]
        try:
            for step in steps:
                self._tidy(step)
        finally:
            self._publish(final_state(self._state, ending))

    def _tidy(self, step: Callable[[], None]) -> None:
        try:
            step()
        except (TraintrackError, OSError) as error:
            # The result stands; what could not be tidied is told, and swept with the next lost job.
            message = f"not all of the attempt could be tidied: {of_error(error, below=self._stage.folder).message}"
            self._state = replace(self._state, message=message)

    def _keep_log(self, ending: Ending | None) -> None:
        name = f"{self.facts.flight}.{self.facts.attempt}"
        self._state = with_tail(self._state, ending, self._stage.log, self._mask)
        key = keep_log(self._stage.log, self._mask, self._world.ledger, name)
        self._state = replace(self._state, log=key)

    def _keep_checkpoint(self, ending: Ending | None) -> None:
        checkpoints, flight = self._world.checkpoints, self.facts.flight
        if ending is None:
            checkpoints.drop(flight, self._checkpoints, self._stage.spare)
            return
        self._state = replace(self._state, checkpoint=checkpoints.seal(flight, self._checkpoints))

    def _leave_output(self, ending: Ending | None) -> None:
        """Keep what a task that was begun has left, so that its failure can be looked into."""
        if ending is None:
            return
        if self._process is None:
            remove_tree(self._stage.out)
            return
        told = failed_attempt(self._job, self._state, ending, iso(datetime.now(UTC)))
        self._world.attempts.keep(told, self._job, self._stage.out)

    def _remove_secrets(self) -> None:
        if any(secret.as_file for secret in self._job.action.secrets):
            remove_secrets(self.facts.marker)

    def _leave_stage(self) -> None:
        """Empty the stage; remove it if another attempt could notice that there was this one."""
        self._reusable = self._alone and self._skeleton.clean()
        if not self._reusable:
            self._skeleton.remove()

    def _give_stage_back(self) -> None:
        # Only now: until the job's file was gone, the stage was named by it.
        if self._reusable:
            self._world.skeletons.put(self._skeleton)

    def _advance(self, state: JobState) -> None:
        self._state = state
        self._publish(state)

    def _later(self, after_s: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(after_s, act)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()


def _left_behind(count: int) -> str:
    if not count:
        return ""
    return f"{count} process{'es' if count > 1 else ''} that the task left running had to be ended"


def _image(job: Job) -> str:
    image = job.action.image
    if isinstance(image, PythonImage):
        return f"python:{image.python}@sha256:{image.lock_sha256}"
    return ""
