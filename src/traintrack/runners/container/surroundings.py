"""The surroundings of a task in a container without the task: for a shell, in which a person looks around."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from traintrack.errors import HostError
from traintrack.ports.shell import ShellRequest, Surroundings
from traintrack.runners.container.engine import ContainerId, ContainerSpec, LocalImage, Mount
from traintrack.runners.container.jobs import new_job
from traintrack.runners.container.preparation import World, prepare, provide_image, take_back
from traintrack.runners.container.secret_folder import SHELL
from traintrack.runners.container.spec import CHECKPOINTS, CONFIG, OUT, Prepared, container_spec
from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.runners.contract.copy_folder import copy_entry
from traintrack.runners.contract.ending import AttemptFailedError
from traintrack.runners.contract.secret_files import remove_secrets
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.stage import Stage, remove_tree

PARTIAL = "/tt/partial"

_BEST_SHELL = "command -v bash >/dev/null && exec bash --noprofile --norc -i; exec sh -i"


class LaidOutContainer:
    """A stage of its own and the command of a container over it; the container is made by who carries the command out."""

    def __init__(self, request: ShellRequest, world: World) -> None:
        """Lay out; nothing is left behind if that fails.

        Raises:
            TraintrackError: the engine, the image, the code, an input or a secret is not there.
        """
        name = f"shell-{os.urandom(6).hex()}"
        job = replace(request.job, flight=name, attempt=1, checkpoint=None)
        self._world = world
        self._skeleton = Skeleton(str(world.staging.new_stage(f"{name}.1")))
        self._noted = new_job(job, Stage(self._skeleton.path, str(world.staging.new_stage(f"{name}.1.out"))))
        try:
            image = provide_image(job, world, threading.Event())
            # No run can find the checkpoints of this flight, and they are swept with the stage.
            own = Checkpoints(Path(self._noted.stage, "saved"))
            prepared = prepare(job, self._noted, image, self._skeleton, replace(world, checkpoints=own))
            self._copy_checkpoint(request, prepared)
            spec = container_spec(job, prepared, image, self._noted.name, {})
            self.surroundings = _surroundings(request, spec, image, world)
        except BaseException as error:
            self.remove()
            if isinstance(error, AttemptFailedError):
                ending = error.ending
                raise HostError(ending.message, code="shell", hint=ending.hint, details=ending.details) from error
            if isinstance(error, OSError):
                raise HostError(f"cannot lay out the task: {error}", code="shell", hint="make room there") from error
            raise

    def changed_input(self) -> str | None:
        """None: inputs are read-only in a container."""
        return None

    def remove(self) -> None:
        """End what still runs there and remove everything; repeating it is harmless.

        Raises:
            HostError: the container cannot be removed.
        """
        try:
            self._world.engine.remove([ContainerId(self._noted.name)])
        finally:
            remove_secrets(self._noted.marker)
            take_back((self._noted.out, self._noted.stage))
            self._skeleton.remove()
            remove_tree(self._noted.out)

    def _copy_checkpoint(self, request: ShellRequest, prepared: Prepared) -> None:
        source = self._world.checkpoints.path_of(request.job.checkpoint)
        if source is None:
            return
        copy_entry(source, f"{prepared.checkpoints}/{os.path.basename(source)}")
        if os.geteuid() == 0 and prepared.user.uid != 0:
            for here, folders, names in os.walk(prepared.checkpoints):
                for name in (*folders, *names):
                    os.chown(f"{here}/{name}", prepared.user.uid, prepared.user.gid, follow_symlinks=False)


def _surroundings(request: ShellRequest, spec: ContainerSpec, image: LocalImage, world: World) -> Surroundings:
    words: tuple[str, ...] = ("sh", "-c", _BEST_SHELL if request.line is None else request.line)
    if spec.entrypoint == SHELL[:1] and spec.command[: len(SHELL) - 1] == SHELL[1:]:
        # The secrets come through a shell as for the task.
        words = (*SHELL, *words)
    partial = (Mount(str(request.partial), PARTIAL),) if request.partial is not None else ()
    wanted = replace(
        spec, entrypoint=words[:1], command=words[1:], environment={}, mounts=(*spec.mounts, *partial), labels={}
    )
    command = world.engine.command(wanted)
    begin = command.index("run") + 1
    variables = {**spec.environment, **_for_a_person(request)}
    own = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    how = ["--rm", "-it" if request.line is None else "-i"]
    action = request.job.action
    entrypoint = image.entrypoint if action.entrypoint is None else action.entrypoint
    return Surroundings(
        (*command[:begin], *how, *own, *command[begin:]),
        None,
        None,
        CONFIG,
        OUT,
        CHECKPOINTS,
        (*entrypoint, action.task, CONFIG, OUT),
    )


def _for_a_person(request: ShellRequest) -> Mapping[str, str]:
    found = {"CONFIG_YAML": CONFIG, "OUTPUT_DIRECTORY": OUT}
    if request.partial is not None:
        found["PARTIAL_OUTPUT"] = PARTIAL
    if request.line is None:
        found["PS1"] = f"({request.job.action.label}) $ "
    if request.terminal is not None:
        found["TERM"] = request.terminal
    return found
