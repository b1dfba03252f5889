"""What a job has before its container is thought of: a stage, an empty output folder, and a file that names them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from traintrack.action.job import Job
from traintrack.errors import HostError, TraintrackError
from traintrack.ports.storage import Staging
from traintrack.runners.container.jobs import ContainerJob, ContainerJobs, new_job
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.skeleton_pool import SkeletonPool
from traintrack.runners.contract.stage import Stage, remove_tree


class Reservations:
    """Makes them, all or none."""

    def __init__(self, staging: Staging, skeletons: SkeletonPool, jobs: ContainerJobs) -> None:
        self._staging, self._skeletons, self._jobs = staging, skeletons, jobs

    def make(self, jobs: Sequence[Job]) -> list[tuple[ContainerJob, Skeleton]]:
        """Reserve for every job, in order.

        Raises:
            HostError: there is no room; nothing is left.
        """
        done: list[tuple[ContainerJob, Skeleton]] = []
        try:
            # What was reserved before an error stays in the list.
            done.extend(self._reserve(job) for job in jobs)
        except TraintrackError:
            for noted, skeleton in done:
                self._jobs.remove(noted)
                skeleton.remove()
                remove_tree(noted.out)
            raise
        return done

    def _reserve(self, job: Job) -> tuple[ContainerJob, Skeleton]:
        name = f"{job.flight}.{job.attempt}"
        skeleton = self._skeletons.take(name)
        out: Path | None = None
        try:
            out = self._staging.new_stage(f"{name}.out")
            noted = new_job(job, Stage(skeleton.path, str(out)))
            self._jobs.write(noted)
        except (TraintrackError, OSError) as error:
            skeleton.remove()
            if out is not None:
                remove_tree(str(out))
            if not isinstance(error, OSError):
                raise
            raise HostError(
                f"cannot note a job at `{error.filename}`: {error.strerror}",
                code="runner-state",
                hint="make room there, or see who owns that folder",
            ) from error
        return noted, skeleton
