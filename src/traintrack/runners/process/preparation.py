"""From a job to a program that only has to be started: environment, code, inputs, configuration, variables."""

from __future__ import annotations

import errno
import threading
from collections.abc import Mapping

from msgspec import Struct

from traintrack.action.config import render_config
from traintrack.action.failure import FailureClass
from traintrack.action.image import PythonImage
from traintrack.action.job import Job
from traintrack.errors import HostError
from traintrack.ports.sources import Origins
from traintrack.ports.storage import Artifacts, Ledger, Staging
from traintrack.runners.contract.call import SYSTEM_PATH, Programs, task_argv, task_environment
from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.runners.contract.code_folder import CodeStore
from traintrack.runners.contract.ending import AttemptFailedError, of_error, of_program
from traintrack.runners.contract.failed_attempts import FailedAttempts
from traintrack.runners.contract.inputs import StagedInput, stage_inputs
from traintrack.runners.contract.job_file import JobFacts, JobFiles
from traintrack.runners.contract.secret_files import secret_variables
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.skeleton_pool import SkeletonPool
from traintrack.runners.contract.stage import Stage
from traintrack.runners.process.python_env import PythonEnv, PythonEnvs


class World(Struct, frozen=True):
    """All that attempts work with; one per runner."""

    staging: Staging
    artifacts: Artifacts
    ledger: Ledger
    envs: PythonEnvs
    code: CodeStore
    checkpoints: Checkpoints
    attempts: FailedAttempts
    jobs: JobFiles
    skeletons: SkeletonPool
    programs: Programs
    origins: Origins | None = None


class Prepared(Struct, frozen=True):
    """A program, ready to be started; `checkpoints` is the folder for those of the attempt."""

    stage: Stage
    argv: tuple[str, ...]
    variables: Mapping[str, str]
    inputs: tuple[StagedInput, ...]
    checkpoints: str


def provide_python(job: Job, world: World, cancelled: threading.Event) -> PythonEnv:
    """Return the environment of the job's image.

    Raises:
        AttemptFailedError: it cannot be made.
        CancelledError: `cancelled` was set meanwhile.
    """
    image = job.action.image
    try:
        if not isinstance(image, PythonImage):
            raise no_containers()
        return world.envs.provide(image, cancelled)
    except HostError as error:
        raise AttemptFailedError(of_error(error, FailureClass.IMAGE)) from error


def prepare(
    job: Job,
    facts: JobFacts,
    env: PythonEnv,
    skeleton: Skeleton,
    world: World,
    cancelled: threading.Event | None = None,
) -> Prepared:
    """Fill the attempt's folder, which is that of the skeleton.

    Raises:
        AttemptFailedError: the program is not there.
        TraintrackError: code, an input or a secret is not there.
        CancelledError: `cancelled` was set while data was fetched.
        OSError: something cannot be written.
    """
    action = job.action
    stage = Stage(facts.stage, facts.out)
    code = world.code.read(action.code)
    skeleton.furnish(code)
    stopped = cancelled.is_set if cancelled is not None else lambda: False
    inputs = stage_inputs(job.inputs, world.artifacts, stage.inputs, world.origins, stopped)
    skeleton.write_config(render_config(action, {i.arg_path: i.text for i in inputs}))
    folder = f"{job.attempt}.{facts.marker[:12]}"
    checkpoints = world.checkpoints.begin(job.flight, folder, job.checkpoint, stage.spare)
    variables = task_environment(
        action,
        stage,
        bin_folder=env.bin_folder,
        checkpoints=checkpoints,
        gpus=job.gpus,
        secrets=secret_variables(action.secrets, job.secrets, facts.marker),
        marker=facts.marker,
    )
    argv = task_argv(action, stage)
    program = _program(argv[0], env, stage, world.programs)
    return Prepared(stage, (program, *argv[1:]), variables, inputs, checkpoints)


def no_containers() -> HostError:
    """The error for an image that is a container."""
    return HostError(
        "container images need a container runner; this version has none",
        code="no-container-runner",
        hint="give the target an image with `python:` and `lock:`",
    )


def why_not_executed(error: OSError) -> str | None:
    """Say in words why a program could not be executed; None if something else is to blame."""
    return {
        errno.ENOENT: "names an interpreter that is not there",
        errno.EACCES: "is not executable",
        errno.EPERM: "is not executable",
        errno.ENOEXEC: "is neither a binary of this platform nor a script with `#!`",
        errno.ENOTDIR: "was not found",
    }.get(error.errno or 0)


def _program(word: str, env: PythonEnv, stage: Stage, programs: Programs) -> str:
    if word == "python":
        return env.python
    program = programs.find(word, f"{env.bin_folder}:{SYSTEM_PATH}", stage.work)
    if program is None:
        raise AttemptFailedError(of_program(word, "was not found"))
    return program
