"""Containers whose client has died: told from those that are watched, ended, and tidied up after."""

from __future__ import annotations

from traintrack.runners.container.engine import Engine, Inspected, Status
from traintrack.runners.container.jobs import ContainerJob, ContainerJobs
from traintrack.runners.container.preparation import take_back
from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.runners.contract.closing import owner_tidied
from traintrack.runners.contract.secret_files import remove_secrets
from traintrack.runners.contract.stage import remove_tree

_OWNER_TIDIES_WITHIN_S = 20.0


def containers_of(jobs: ContainerJobs, engine: Engine) -> dict[str, Inspected]:
    """Return every container of this storage by the marker of its job, whatever became of it."""
    found = engine.find(jobs.labels)
    return {one.labels.get("traintrack.marker", ""): one for one in found}


def can_be_adopted(job: ContainerJob, found: Inspected | None) -> bool:
    """Tell if the end of a container whose client is dead can still be learnt.

    Not after the machine was started anew: that ended it, and its exit code tells nothing of the task.
    """
    if found is None or not job.is_of_this_boot:
        return False
    return found.status is Status.RUNNING or (found.status is Status.EXITED and bool(found.started))


def end_orphan(
    job: ContainerJob,
    found: Inspected | None,
    engine: Engine,
    jobs: ContainerJobs,
    checkpoints: Checkpoints,
    grace_s: float,
) -> None:
    """End a job of another process, save its checkpoint, and remove all that is left of it; repeating it is harmless.

    A living client tidies up by itself once its container has ended.

    Raises:
        HostError: the container can be neither stopped nor removed.
        OSError: its folder cannot be removed.
    """
    if found is not None:
        engine.stop([found.id], grace_s)
    if job.runner_lives and owner_tidied(lambda: job.runner_lives, lambda: jobs.exists(job), _OWNER_TIDIES_WITHIN_S):
        return
    if found is not None:
        engine.remove([found.id])
    if jobs.exists(job):
        take_back((job.out, job.checkpoints))
        checkpoints.seal(job.flight)
        remove_secrets(job.marker)
        remove_tree(job.stage)
        remove_tree(job.out)
        jobs.remove(job)
