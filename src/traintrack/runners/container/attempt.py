"""One attempt in a container, begun by this process or adopted from a dead one; one thread runs it."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from traintrack.action.failure import FailureClass
from traintrack.action.job import Job, JobPhase, JobState, Output
from traintrack.action.record import Timings
from traintrack.errors import TraintrackError
from traintrack.runners.container.engine import ContainerId, Inspected
from traintrack.runners.container.images import identity_of
from traintrack.runners.container.isolation import isolation_of
from traintrack.runners.container.jobs import ContainerJob
from traintrack.runners.container.preparation import World, container_image, prepare, provide_image, take_back
from traintrack.runners.container.remains import Remains
from traintrack.runners.container.secret_folder import NO_COMMAND, needs_shell
from traintrack.runners.container.spec import container_spec, program_of
from traintrack.runners.container.state import age_s, judge, on_closed_network, without_shell
from traintrack.runners.contract.closing import BROKE_OFF, final_state, free_bytes, iso, judged
from traintrack.runners.contract.collect import collect, read_progress
from traintrack.runners.contract.ending import (
    AttemptFailedError,
    Ending,
    of_program,
    of_stop,
    of_time_out,
    on_full_disk,
)
from traintrack.runners.contract.failed_attempts import size_of
from traintrack.runners.contract.logs import Mask, missing_module, tail
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.stage import Stage

_DISK_EVERY_S = 5.0
_SEEN_EVERY_S = 1.0
_REMOVED_WITHIN_S = 1.0
_BY_SIGNAL = (128 + signal.SIGKILL, 128 + signal.SIGTERM)


class ContainerAttempt:
    """Runs a job; `publish` is given each new state, the last of which is FINISHED.

    With a `skeleton` the container is begun here; without one it is `found`, made by a process that is dead. Other
    threads may `ask` or `end` it, look at its `progress` and read its `log`.
    """

    def __init__(
        self,
        job: Job,
        noted: ContainerJob,
        world: World,
        grace_s: float,
        publish: Callable[[JobState], None],
        *,
        skeleton: Skeleton | None = None,
        found: Inspected | None = None,
    ) -> None:
        self._job = job
        self._noted = noted
        self._skeleton = skeleton
        self._found = found
        self._world = world
        self._grace_s = grace_s
        self._publish = publish
        self._mask = Mask(job.secrets.values())
        self._stage = Stage(noted.stage, noted.out)
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._asked: Ending | None = None
        self._container: ContainerId | None = None
        self._exited = False
        self._seen = 0.0
        self._state = JobState(
            JobPhase.STAGING, isolation=isolation_of(job), image=noted.image, platform=noted.platform
        )

    def run(self) -> None:
        """Do everything, and publish the end whatever happens."""
        began = datetime.now(UTC)
        ending: Ending | None = BROKE_OFF
        output: Output | None = None
        try:
            output, ending = judged(self._execute, self._stage.folder)
        finally:
            timings = replace(self._state.timings, started=self._found.started if self._found else iso(began))
            self._state = replace(self._state, timings=timings, output=output)
            self._close(ending)

    def ask(self, ending: Ending) -> ContainerId | None:
        """Note why the task is to end unless it has; return the container that is to be stopped, if there is one yet."""
        with self._lock:
            if self._exited:
                return None
            self._asked = self._asked or ending
            container = self._container
        self._cancelled.set()
        return container

    def end(self, ending: Ending, grace_s: float) -> None:
        """End the task, kill it after `grace_s`; `ending` becomes the reason unless it ended before."""
        container = self.ask(ending)
        if container is not None:
            self._world.engine.stop([container], grace_s)

    def log(self, offset: int) -> bytes:
        """Return masked bytes of the growing log."""
        if self._found is not None and time.monotonic() - self._seen > _SEEN_EVERY_S:
            # Nobody is left who would write what an adopted container says.
            self._seen = time.monotonic()
            with contextlib.suppress(TraintrackError, OSError):
                self._fetch_log()
        return self._mask.read(self._stage.log, offset)

    def progress(self) -> str | None:
        """Return what the task says about its progress, None if nothing."""
        return read_progress(self._stage.out) if self._state.phase is JobPhase.RUNNING else None

    def _execute(self) -> Output:
        clock = time.monotonic()
        container = self._begin() if self._found is None else self._adopt(self._found)
        begun = time.monotonic()
        timings = Timings(staging_s=begun - clock)
        self._advance(replace(self._state, phase=JobPhase.RUNNING, timings=timings))
        ending = self._finish(container)
        ended = time.monotonic()
        timings = replace(timings, task_s=self._ran_s(ended - begun))
        self._advance(replace(self._state, phase=JobPhase.STORING, timings=timings))
        if ending is not None:
            raise AttemptFailedError(ending)
        take_back((self._stage.out,))
        # Inputs are read-only in a container: there is nothing to be compared.
        output = collect(self._job.action, self._stage.out, (), self._world.staging)
        self._state = replace(self._state, timings=replace(timings, publishing_s=time.monotonic() - ended))
        return output

    def _begin(self) -> ContainerId:
        world = self._world
        image = provide_image(self._job, world, self._cancelled)
        if self._skeleton is None:
            raise AttemptFailedError(of_stop())
        prepared = prepare(self._job, self._noted, image, self._skeleton, world)
        self._noted = replace(
            self._noted,
            checkpoints=prepared.checkpoints,
            image=identity_of(container_image(self._job), image),
            platform=image.platform,
            word=program_of(self._job, image),
        )
        self._state = replace(self._state, image=self._noted.image, platform=image.platform)
        world.jobs.write(self._noted)
        labels = world.jobs.labels_of(self._noted, self._job.action.label)
        spec = container_spec(self._job, prepared, image, self._noted.name, labels)
        with self._lock:
            if self._asked is not None:
                raise AttemptFailedError(self._asked)
        self._state = replace(self._state, command=shlex.join(world.engine.command(spec)))
        return self._take(world.engine.start(spec, Path(self._stage.log)))

    def _adopt(self, found: Inspected) -> ContainerId:
        return self._take(found.id)

    def _take(self, container: ContainerId) -> ContainerId:
        with self._lock:
            self._container = container
            asked = self._asked
        if asked is not None:
            self._world.engine.stop([container], self._grace_s)
        return container

    def _finish(self, container: ContainerId) -> Ending | None:
        """Wait until the container is over, and return how the task ended."""
        self._await(container)
        with self._lock:
            self._exited = True
            asked = self._asked
        if self._found is not None:
            self._fetch_log()
        found = self._look_at(container)
        if asked is None and found is not None and found.exit_code in _BY_SIGNAL:
            # Who removes a container kills it first: then it is gone in a moment, and the task not to blame.
            time.sleep(_REMOVED_WITHIN_S)
            found = self._look_at(container)
        code = found.exit_code if found is not None and found.started else None
        lines = tail(self._stage.log, self._mask) if code != 0 else ()
        module = missing_module(lines) if code else None
        self._state = replace(self._state, exit_code=code, missing_module=module)
        return asked or self._judge(found, lines, module)

    def _look_at(self, container: ContainerId) -> Inspected | None:
        return self._world.engine.inspect([container]).get(container)

    def _await(self, container: ContainerId) -> None:
        engine, timeout_s, disk = self._world.engine, self._job.action.timeout_s, self._job.resources.disk_bytes
        end = None if timeout_s is None else time.monotonic() + timeout_s - self._age_s()
        while True:
            left = None if end is None else max(end - time.monotonic(), 0.0)
            slice_s = left if disk is None else min(left or _DISK_EVERY_S, _DISK_EVERY_S)
            if engine.wait(container, slice_s):
                return
            if end is not None and time.monotonic() >= end:
                self.end(of_time_out(timeout_s or 0.0), self._grace_s)
                break
            if disk is not None and self._takes_bytes() > disk:
                self.end(_of_disk(disk), self._grace_s)
                break
        engine.wait(container)

    def _judge(self, found: Inspected | None, lines: tuple[str, ...], module: str | None) -> Ending | None:
        word = self._noted.word
        ending = judge(found, self._job, word, module)
        if needs_shell(self._job.action.secrets) and found is not None and ending is not None:
            if not found.started and ending.failure is FailureClass.IMAGE:
                return without_shell()
            if found.exit_code == 127 and lines and lines[-1] == f"{NO_COMMAND}{word}":
                return of_program(word, "is not in the image")
        ending = on_closed_network(ending, lines, self._job)
        return on_full_disk(ending, free_bytes(self._stage.out), self._stage.out) if ending is not None else None

    def _fetch_log(self) -> None:
        container = self._container
        if container is None:
            return
        fetched = Path(f"{self._stage.log}.fetched")
        fetched.unlink(missing_ok=True)
        self._world.engine.log(container, fetched)
        os.rename(fetched, self._stage.log)

    def _age_s(self) -> float:
        """How long an adopted task has run already."""
        return 0.0 if self._found is None else age_s(self._found, datetime.now(UTC))

    def _ran_s(self, watched_s: float) -> float:
        return watched_s if self._found is None else self._age_s()

    def _takes_bytes(self) -> int:
        return sum(size_of(folder) for folder in (self._stage.folder, self._stage.out))

    def _close(self, ending: Ending | None) -> None:
        remains = Remains(self._job, self._noted, self._stage, self._mask, self._skeleton, self._world)
        try:
            self._state = remains.tidy(self._state, ending, self._container)
        finally:
            self._publish(final_state(self._state, ending))

    def _advance(self, state: JobState) -> None:
        self._state = state
        self._publish(state)


def _of_disk(limit: int) -> Ending:
    return Ending(
        FailureClass.TASK,
        f"ended for taking more than its {limit / (1 << 30):.1f} GiB of disk",
        "ask for more `disk` in `resources`, or write less into TMPDIR",
    )
