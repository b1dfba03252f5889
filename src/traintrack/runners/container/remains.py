"""What is left of an attempt in a container: its log and checkpoint are kept, all else is removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from traintrack.action.job import Job, JobState
from traintrack.errors import TraintrackError
from traintrack.runners.container.engine import ContainerId
from traintrack.runners.container.jobs import ContainerJob
from traintrack.runners.container.preparation import World, take_back
from traintrack.runners.contract.closing import iso, keep_log, with_tail
from traintrack.runners.contract.ending import Ending, of_error
from traintrack.runners.contract.failed_attempts import failed_attempt
from traintrack.runners.contract.logs import Mask
from traintrack.runners.contract.secret_files import remove_secrets
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.stage import Stage, remove_tree


class Remains:
    """Of one attempt, whose container is over. Without a `skeleton` its stage was laid out by another process."""

    def __init__(
        self, job: Job, noted: ContainerJob, stage: Stage, mask: Mask, skeleton: Skeleton | None, world: World
    ) -> None:
        self._job, self._noted, self._stage = job, noted, stage
        self._mask, self._skeleton, self._world = mask, skeleton, world

    def tidy(self, state: JobState, ending: Ending | None, container: ContainerId | None) -> JobState:
        """Keep the log, the checkpoint and the output of a failure, remove the rest, and return the state with them.

        Each step is taken whatever became of those before: a disk without room for the log must not leave secrets.
        """
        steps: list[Callable[[JobState], JobState | None]] = [
            lambda _: self._world.engine.remove([container]) if container is not None else None,
            lambda _: take_back((self._noted.checkpoints, self._stage.out)),
            lambda now: with_tail(now, ending, self._stage.log, self._mask),
            self._with_log,
            lambda now: self._with_checkpoint(now, ending),
            lambda _: remove_secrets(self._noted.marker) if self._job.action.secrets else None,
            lambda now: self._leave_output(now, ending, container),
            lambda _: self._leave_stage(),
        ]
        for step in steps:
            try:
                state = step(state) or state
            except (TraintrackError, OSError) as error:
                # The result stands; what could not be tidied is told, and swept with the next lost job.
                why = of_error(error, below=self._stage.folder).message
                state = replace(state, message=f"not all of the attempt could be tidied: {why}")
        return state

    def _with_log(self, state: JobState) -> JobState:
        name = f"{self._noted.flight}.{self._noted.attempt}"
        return replace(state, log=keep_log(self._stage.log, self._mask, self._world.ledger, name))

    def _with_checkpoint(self, state: JobState, ending: Ending | None) -> JobState | None:
        checkpoints, flight = self._world.checkpoints, self._noted.flight
        if ending is not None:
            return replace(state, checkpoint=checkpoints.seal(flight, self._noted.checkpoints or None))
        spare = self._stage.spare if self._skeleton is not None else None
        checkpoints.drop(flight, self._noted.checkpoints or None, spare)
        return None

    def _leave_output(self, state: JobState, ending: Ending | None, container: ContainerId | None) -> None:
        """Keep what a task that was begun has left, so that its failure can be looked into."""
        if ending is None:
            return
        if container is None:
            remove_tree(self._stage.out)
            return
        told = failed_attempt(self._job, state, ending, iso(datetime.now(UTC)))
        self._world.attempts.keep(told, self._job, self._stage.out)

    def _leave_stage(self) -> None:
        """Empty the stage for another attempt; remove it if that could notice that there was this one."""
        skeleton = self._skeleton
        is_clean = skeleton is not None and skeleton.clean()
        if skeleton is None:
            remove_tree(self._stage.folder)
        elif not is_clean:
            skeleton.remove()
        self._world.jobs.remove(self._noted)
        if skeleton is not None and is_clean:
            # Only now: until the job's file was gone, the stage was named by it.
            self._world.skeletons.put(skeleton)
