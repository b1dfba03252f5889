"""The surroundings of a task without the task: for a shell, in which a person looks around and tries things."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from traintrack.errors import HostError
from traintrack.ports.shell import ShellRequest, Surroundings
from traintrack.runners.contract.call import SYSTEM_PATH
from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.runners.contract.copy_folder import copy_entry
from traintrack.runners.contract.ending import AttemptFailedError
from traintrack.runners.contract.inputs import first_change
from traintrack.runners.contract.job_file import JobFacts, facts_of
from traintrack.runners.contract.secret_files import remove_secrets
from traintrack.runners.contract.skeleton import Skeleton
from traintrack.runners.contract.stage import Stage, remove_tree
from traintrack.runners.process.preparation import Prepared, World, prepare, provide_python
from traintrack.runners.process.process_group import end_strangers

GRACE_S = 2.0


class LaidOutProcess:
    """A stage of its own, filled as for an attempt; swept by `clean` if it is not removed."""

    def __init__(self, request: ShellRequest, world: World) -> None:
        """Lay out; nothing is left behind if that fails.

        Raises:
            TraintrackError: the image, the code, an input or a secret is not there.
        """
        name = f"shell-{os.urandom(6).hex()}"
        self._skeleton = Skeleton(str(world.staging.new_stage(f"{name}.1")))
        self._facts = facts_of(name, 1, Stage(self._skeleton.path, str(world.staging.new_stage(f"{name}.1.out"))))
        try:
            self._prepared = _prepared(request, self._facts, self._skeleton, world)
            self.surroundings = _surroundings(request, self._prepared)
        except BaseException as error:
            self.remove()
            if isinstance(error, AttemptFailedError):
                ending = error.ending
                raise HostError(ending.message, code="shell", hint=ending.hint, details=ending.details) from error
            if isinstance(error, OSError):
                raise HostError(f"cannot lay out the task: {error}", code="shell", hint="make room there") from error
            raise

    def changed_input(self) -> str | None:
        """Name the first file of an input that is not as it was, None if all are."""
        change = first_change(self._prepared.inputs)
        return None if change is None else "/".join(part for part in (change[0].source, change[1]) if part)

    def remove(self) -> None:
        """End what still runs there and remove everything; repeating it is harmless.

        Raises:
            HostError: a process cannot be ended.
        """
        try:
            end_strangers(self._facts.claim, None, GRACE_S)
        finally:
            remove_secrets(self._facts.marker)
            self._skeleton.remove()
            remove_tree(self._facts.out)


def _prepared(request: ShellRequest, facts: JobFacts, skeleton: Skeleton, world: World) -> Prepared:
    """Prepare as for an attempt of a flight of its own, whose checkpoints no run can find."""
    job = replace(request.job, flight=facts.flight, attempt=1, checkpoint=None)
    env = provide_python(job, world, threading.Event())
    own = Checkpoints(Path(facts.stage, "saved"))
    prepared = prepare(job, facts, env, skeleton, replace(world, checkpoints=own))
    source = world.checkpoints.path_of(request.job.checkpoint)
    if source is not None:
        copy_entry(source, f"{prepared.checkpoints}/{os.path.basename(source)}")
    return prepared


def _surroundings(request: ShellRequest, prepared: Prepared) -> Surroundings:
    stage = prepared.stage
    variables = {
        **prepared.variables,
        "CONFIG_YAML": stage.config,
        "OUTPUT_DIRECTORY": stage.out,
        **_for_a_person(request),
    }
    return Surroundings(
        _shell(request.line), variables, stage.work, stage.config, stage.out, prepared.checkpoints, prepared.argv
    )


def _for_a_person(request: ShellRequest) -> Mapping[str, str]:
    found = {"PARTIAL_OUTPUT": str(request.partial)} if request.partial is not None else {}
    if request.line is None:
        found["PS1"] = f"({request.job.action.label}) $ "
    if request.terminal is not None:
        found["TERM"] = request.terminal
    return found


def _shell(line: str | None) -> tuple[str, ...]:
    """A shell that reads no settings of the user: they are not there for the task either."""
    bash = shutil.which("bash", path=SYSTEM_PATH)
    words = (bash, "--noprofile", "--norc") if bash else ("/bin/sh",)
    return (*words, "-i") if line is None else (*words, "-c", line)
