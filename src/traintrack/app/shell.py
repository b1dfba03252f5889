"""`shell`: the surroundings of a target, or of a failed attempt of it, laid out for a person; nothing is committed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from traintrack.action.action import Action, ActionGraph, Input, Secret
from traintrack.action.cell import CellState, Result
from traintrack.action.job import Job, JobInput
from traintrack.app.attempts import find_attempt
from traintrack.app.environment import Environment
from traintrack.app.materials import GitMaterials
from traintrack.app.one_target import one_label
from traintrack.app.project import Project, action_graph
from traintrack.digest import TargetId
from traintrack.errors import HostError, IntegrityError, NotFoundError, UsageError
from traintrack.label import Label
from traintrack.ports.shell import LaidOut, LaysOut, ShellRequest, Surroundings


class Wanted(Struct, frozen=True):
    """What a shell is opened on: a job, and of a failed attempt its number and what it had written."""

    label: Label
    job: Job
    attempt: int | None = None
    partial: Path | None = None


class Repeat(Struct, frozen=True):
    """A command line for `sh` that does what `shell` does; `unset` are secrets that it cannot carry."""

    line: str
    unset: tuple[Secret, ...] = field(default=())


def wanted_target(project: Project, environment: Environment, text: str) -> Wanted:
    """Return a target as it is declared now, with the results that it would read.

    Raises:
        NotFoundError: an input has no result, or there is no such target.
        UsageError: the text names several targets, or external data.
        IntegrityError: the bytes of an input are damaged.
    """
    label = one_label(project, text)
    graph = action_graph(project, [str(label)])
    id_ = graph.labels[str(label)]
    action = graph.actions.get(id_)
    if action is None:
        raise UsageError(f"`{label}` runs no task", code="no-task", hint=f"traintrack pull {label}")
    cell = environment.storage.cells.read([id_])[id_].cell
    free = cell if cell is not None and cell.state is CellState.FREE else None
    job = Job(
        flight="shell",
        attempt=1,
        action=action,
        inputs=_inputs(environment, graph, action),
        resources=action.resources,
        checkpoint=free.checkpoint if free else None,
        gpus=tuple(range(action.resources.gpu)),
    )
    return Wanted(label, job)


def wanted_attempt(project: Project, environment: Environment, text: str, number: int | None) -> Wanted:
    """Return a failed attempt as it was, whatever the files say now.

    Raises:
        NotFoundError: no such attempt is kept, or what it read is gone.
        UsageError: the text names several targets.
    """
    label = one_label(project, text)
    attempt = find_attempt(project, environment, label, number)
    try:
        job = environment.attempts.job(attempt)
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"attempt {attempt.number} of `{label}` was kept by another version of traintrack",
            code="no-attempt",
            hint=f"traintrack pull {label} --attempt {attempt.number}",
        ) from error
    newest = environment.runner.find_checkpoint(attempt.flight)
    job = replace(job, checkpoint=newest or attempt.checkpoint)
    return Wanted(label, job, attempt.number, environment.attempts.output(attempt))


def lay_out(project: Project, environment: Environment, wanted: Wanted, request: ShellRequest) -> LaidOut:
    """Lay the surroundings out, with the values of secrets that `request.job` has.

    Raises:
        TraintrackError: the image, the code, an input or a secret is not to be had.
    """
    runner = environment.runner
    if not isinstance(runner, LaysOut):
        raise HostError(
            f"the runner of environment `{environment.name}` opens no shells",
            code="no-shell",
            hint="take an environment with `runner: local`",
        )
    if wanted.attempt is None:
        # What an attempt read was kept when it ran; its commit may be gone from the repository.
        GitMaterials(project, environment.storage.kept).provide(wanted.job.action)
    return runner.lay_out(request)


def with_secrets(project: Project, environment: Environment, job: Job) -> Job:
    """Give a job the values of its secrets, from the caller's environment.

    Raises:
        HostError: one is not set.
    """
    return replace(job, secrets=GitMaterials(project, environment.storage.kept).secrets(job.action))


def without_secrets(job: Job) -> Job:
    """Return the job as one that asks for no secrets: its surroundings may stay on the disk."""
    return replace(job, action=replace(job.action, secrets=()), secrets={})


def repeat_line(surroundings: Surroundings, secrets: tuple[Secret, ...]) -> Repeat:
    """Spell what opens the shell, with secrets as references to the caller's variables and never as values."""
    words = ["cd", shlex.quote(surroundings.folder), "&&"] if surroundings.folder else []
    if surroundings.variables is not None:
        words += ["env", "-i", *_assignments(surroundings.variables)]
        words += [f'{shlex.quote(s.name)}="${s.source}"' for s in secrets if not s.as_file]
    line = " ".join([*words, *map(shlex.quote, surroundings.command)])
    carried = surroundings.variables is not None
    return Repeat(line, tuple(s for s in secrets if s.as_file or not carried))


def task_line(surroundings: Surroundings) -> str:
    """Spell the command that repeats the task, for a shell that stands in its surroundings."""
    spelled = {surroundings.config: '"$CONFIG_YAML"', surroundings.output: '"$OUTPUT_DIRECTORY"'}
    return " ".join(spelled.get(word) or shlex.quote(word) for word in surroundings.task)


def demand_unchanged(laid_out: LaidOut, label: Label) -> None:
    """See to it that nobody changed an input in the shell: other tasks read the same bytes.

    Raises:
        IntegrityError: somebody did.
    """
    path = laid_out.changed_input()
    if path is not None:
        raise IntegrityError(
            f"`{path}`, which `{label}` reads, was changed in the shell",
            code="input-changed",
            hint="traintrack verify --repair",
        )


def _assignments(variables: Mapping[str, str]) -> list[str]:
    return [f"{shlex.quote(name)}={shlex.quote(value)}" for name, value in variables.items()]


def _inputs(environment: Environment, graph: ActionGraph, action: Action) -> tuple[JobInput, ...]:
    """Read off what the action would read.

    Raises:
        NotFoundError: results are missing; names all of them.
        IntegrityError: the bytes of one are damaged.
    """
    inside = [item for item in action.inputs if item.origin is None]
    results = _results(environment, inside)
    names = {id_: label for label, id_ in reversed(list(graph.labels.items()))}
    missing = list(dict.fromkeys(names.get(i.id, i.id[:12]) for i in inside if i.id not in results))
    if missing:
        what = " and ".join(f"`{name}`" for name in missing[:2]) + (" and more" if len(missing) > 2 else "")
        raise NotFoundError(
            f"`{action.label}` reads {what}, and there is no result in {environment.storage.name}",
            code="no-result",
            hint="traintrack run " + " ".join(missing),
        )
    for item in inside:
        _demand_whole(environment, item, results[item.id], names.get(item.id, item.id[:12]))
    return tuple(_job_input(item, results.get(item.id)) for item in action.inputs)


def _results(environment: Environment, inputs: list[Input]) -> dict[TargetId, Result]:
    cells = environment.storage.cells.read({item.id for item in inputs})
    return {
        id_: seen.cell.result
        for id_, seen in cells.items()
        if seen.cell is not None and seen.cell.state is CellState.DONE and seen.cell.result is not None
    }


def _demand_whole(environment: Environment, item: Input, result: Result, label: str) -> None:
    wrong = environment.storage.artifacts.fetch(result, item.subpath)
    if wrong is not None:
        raise IntegrityError(
            f"the result of `{label}` is damaged: {wrong}",
            code="artifact-damaged",
            hint=f"traintrack verify --repair {label} && traintrack run {label}",
        )


def _job_input(item: Input, result: Result | None) -> JobInput:
    if item.origin is not None:
        return JobInput(item.arg_path, item.folder, item.origin.pinned, item.subpath, item.deliver, item.origin)
    assert result is not None
    return JobInput(item.arg_path, item.folder, result.artifact, item.subpath, item.deliver)
