"""Containers whose client has died: told from those that are watched, ended, and tidied up after."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from traintrack.errors import HostError
from traintrack.runners.container.client import has_made, place_of
from traintrack.runners.container.engine import Engine, Inspected, Status
from traintrack.runners.container.engine_errors import silent
from traintrack.runners.container.jobs import ContainerJob, ContainerJobs
from traintrack.runners.container.preparation import take_back
from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.runners.contract.closing import owner_tidied
from traintrack.runners.contract.proc_table import standing_in
from traintrack.runners.contract.secret_files import remove_secrets
from traintrack.runners.contract.stage import Stage, remove_tree

_OWNER_TIDIES_WITHIN_S = 20.0
_MADE_WITHIN_S = 120.0
_LOOK_AGAIN_S = 0.02


def containers_of(jobs: ContainerJobs, engine: Engine, asked: Iterable[ContainerJob] = ()) -> dict[str, Inspected]:
    """Return every container of this storage by the marker of its job, whatever became of it.

    A job that is `asked` for has none if it is not among them, and will get none.

    Raises:
        HostError: the engine cannot be reached, or takes too long to make one.
    """
    _await_made(asked, engine.name)
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
        HostError: the container can be neither stopped nor removed, or its folder cannot.
    """
    if found is not None:
        engine.stop([found.id], grace_s)
    if job.runner_lives and owner_tidied(lambda: job.runner_lives, lambda: jobs.exists(job), _OWNER_TIDIES_WITHIN_S):
        return
    if found is not None:
        engine.remove([found.id])
    if not jobs.exists(job):
        return
    try:
        _tidy(job, jobs, checkpoints)
    except OSError as error:
        raise HostError(
            f"cannot tidy up after a dead run at `{error.filename or job.stage}`: {error.strerror or error}",
            code="runner-state",
            hint="see who owns that folder, then run again",
        ) from error


def _await_made(jobs: Iterable[ContainerJob], engine: str) -> None:
    """The engine's program outlives the process that has started it, and may not have spoken with the engine yet."""
    places = {str(place_of(Path(Stage(job.stage, job.out).log), job.name)) for job in jobs}
    deadline = time.monotonic() + _MADE_WITHIN_S
    while places := standing_in({place for place in places if not has_made(Path(place))}):
        if time.monotonic() > deadline:
            raise silent(engine, _MADE_WITHIN_S)
        time.sleep(_LOOK_AGAIN_S)


def _tidy(job: ContainerJob, jobs: ContainerJobs, checkpoints: Checkpoints) -> None:
    take_back((job.out, job.checkpoints))
    checkpoints.seal(job.flight)
    remove_secrets(job.marker)
    remove_tree(job.stage)
    remove_tree(job.out)
    jobs.remove(job)
