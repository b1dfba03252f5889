"""`init` in a repository that has code: an image that fits, a first target that runs, and the reasons in a few lines."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from traintrack.app.adopt_code import shadowing
from traintrack.app.adopt_dockerfile import docker_context
from traintrack.app.adopt_files import LOOK_PY, LOOK_SH, look_experiment, workspace_text, wrap_experiment
from traintrack.app.adopt_find import Found
from traintrack.app.adopt_git import ignored, not_committed
from traintrack.app.adopt_image import ImageChoice, choose_conda, choose_dockerfile, choose_python
from traintrack.app.answers import InitNote
from traintrack.app.wrap import Wrapped, wrap
from traintrack.errors import InputError

_EXPERIMENT_FOLDERS = ("experiments", "runs", "targets")
_TASK_FOLDERS = ("tasks", "traintrack_tasks")


class Prefer(Enum):
    """Which kind of image to take where several would do."""

    PYTHON = "python"
    CONTAINER = "container"


class Adopted(Struct, frozen=True):
    """What to write and to say. `commands` come before the first commit, `commit` are the paths for it."""

    files: Mapping[str, str]
    notes: tuple[InitNote, ...]
    commands: tuple[str, ...]
    commit: tuple[str, ...]
    label: str
    ready: bool = True


def adopt(root: str, name: str, found: Found, prefer: Prefer, script: str | None) -> Adopted:
    """Fit a workspace to what was found; with a `script` that is the first target, else a look around.

    Raises:
        InputError: no image fits, or the script cannot be read.
        UsageError: the words do not name a script.
        HostError: git cannot be asked.
    """
    images = _images(root, found, prefer, "[sh]" if script is None else "[python, -m]")
    image = images[0]
    made = _look(root, found, image) if script is None else _wrapped(root, wrap(root, script, found.code), image)
    files = {"TTWORKSPACE.yaml": workspace_text(name, made.paths, images), **made.files}
    for one in images:
        files.update(one.files)
    needed = (*made.paths, *_lock_files(found, image))
    commit = tuple(dict.fromkeys((*_to_commit(root, found, needed, files), *image.made)))
    notes = (*_found_notes(found), *_chosen_notes(images), *made.notes, *_more_notes(root, found, image, files))
    return Adopted(files, notes, image.commands, commit, made.label, ready=made.ready)


class _Made(Struct, frozen=True):
    paths: tuple[str, ...]
    files: Mapping[str, str]
    label: str
    notes: tuple[InitNote, ...] = ()
    ready: bool = True


def _images(root: str, found: Found, prefer: Prefer, entrypoint: str) -> list[ImageChoice]:
    chosen = [choose_python(found)]
    if found.dockerfiles:
        context = docker_context(root, found.dockerfiles[0])
        chosen.append(choose_dockerfile(found, context, _everything(root, found), entrypoint))
    elif found.pixi or found.conda:
        chosen.append(choose_conda(found))
    images = [image for image in chosen if image is not None]
    if prefer is Prefer.CONTAINER and not any(image.container for image in images):
        raise InputError(
            "there is no Dockerfile here to make an image from",
            code="no-dockerfile",
            hint="write a Dockerfile first, or begin in an empty folder: `traintrack init FOLDER --docker`",
        )
    # The sort is stable: without a wish the environment without a container stands first.
    return sorted(images, key=lambda image: image.container is not (prefer is Prefer.CONTAINER))


def _everything(root: str, found: Found) -> tuple[str, ...]:
    names = [n for n in sorted(os.listdir(root)) if not n.startswith((".", "TT")) and n not in _EXPERIMENT_FOLDERS]
    out = ignored(root, names) if found.place is not None else frozenset()
    return tuple(name for name in names if name not in out)


def _look(root: str, found: Found, image: ImageChoice) -> _Made:
    folder = next((name for name in _TASK_FOLDERS if _is_free(root, name)), _TASK_FOLDERS[-1])
    shell = image.container and image.source in found.dockerfiles
    file = f"{folder}/look_around.{'sh' if shell else 'py'}"
    task = file if shell else f"{folder}.look_around" if image.container else "look_around"
    experiment = f"{_experiments(root, found.code.paths)}/first_look"
    config = look_experiment(image, f"//{experiment}", task, file, found.code)
    files = {f"{experiment}/TTCONFIG.yaml": config, file: LOOK_SH if shell else LOOK_PY}
    notes: tuple[InitNote, ...] = ()
    if found.code.scripts:
        text = f"to make a target of a script of yours: traintrack init --wrap {shlex.quote(found.code.scripts[0])}"
        notes = (InitNote("note", text),)
    return _Made((*found.code.paths, folder), files, f"//{experiment}", notes)


def _wrapped(root: str, wrapped: Wrapped, image: ImageChoice) -> _Made:
    experiment = f"{_experiments(root, wrapped.paths)}/{wrapped.name}"
    label = f"//{experiment}"
    module = wrapped.entry.removesuffix(".py")
    task = module.replace("/", ".") if image.container else module.rpartition("/")[2]
    files = {f"{experiment}/TTCONFIG.yaml": wrap_experiment(image, label, task, wrapped), wrapped.entry: wrapped.text}
    return _Made(wrapped.paths, files, label, _wrap_notes(wrapped, experiment), ready=not wrapped.args.required)


def _wrap_notes(wrapped: Wrapped, experiment: str) -> tuple[InitNote, ...]:
    count = len(wrapped.args.args) + len(wrapped.args.unhashed)
    how = (
        f"{wrapped.path} by {wrapped.style}: {count} arguments"
        if wrapped.style != "none"
        else f"{wrapped.path} takes no flags"
    )
    notes = [InitNote("found", how)]
    for option, below in wrapped.outputs.items():
        where = "the output folder" if below == "." else f"`{below}` in the output folder"
        notes.append(InitNote("chose", f"`{option}` is {where}"))
    if not wrapped.outputs:
        notes.append(InitNote("chose", f"{wrapped.path} is told no place to write to, so it runs in the output folder"))
    notes += [
        InitNote("chose", f"`{source.name}` is data: {source.path}, pinned by its content")
        for source in wrapped.sources
    ]
    if wrapped.args.required:
        missing = ", ".join(f"`{name}`" for name in wrapped.args.required)
        notes.append(InitNote("note", f"fill in {missing} in {experiment}/TTCONFIG.yaml"))
    return tuple(notes)


def _experiments(root: str, paths: tuple[str, ...]) -> str:
    """The folder for experiments: none that holds code, and none that git ignores."""
    free = [name for name in _EXPERIMENT_FOLDERS if name not in paths]
    out = ignored(root, [f"{name}/x/TTCONFIG.yaml" for name in free]) if _in_git(root) else frozenset()
    return next((name for name in free if f"{name}/x/TTCONFIG.yaml" not in out), free[0])


def _in_git(root: str) -> bool:
    while not os.path.lexists(f"{root}/.git"):
        root, above = os.path.dirname(root), root
        if root == above:
            return False
    return True


def _is_free(root: str, name: str) -> bool:
    return not os.path.lexists(f"{root}/{name}") and not os.path.lexists(f"{root}/{name}.py")


def _lock_files(found: Found, image: ImageChoice) -> tuple[str, ...]:
    if image.name == "py" and image.source == "uv.lock" and not image.commands:
        return ("uv.lock", "pyproject.toml")
    if image.source == "pyproject.toml" or image.source in found.hashed or image.container:
        return (image.source,)
    return ()


def _to_commit(root: str, found: Found, needed: tuple[str, ...], files: Mapping[str, str]) -> tuple[str, ...]:
    """What is new, and what a first run needs of that which is there and not committed."""
    there = [path for path in dict.fromkeys(needed) if os.path.lexists(f"{root}/{path}") and path not in files]
    if found.place is None:
        return (".",)
    return (*sorted(files), *not_committed(root, there))


def _found_notes(found: Found) -> tuple[InitNote, ...]:
    parts = [*found.environment_files, *found.dockerfiles]
    if found.code.paths:
        parts.append(f"code in {_some(found.code.paths)}")
    return (InitNote("found", ", ".join(parts)),) if parts else ()


def _chosen_notes(images: list[ImageChoice]) -> tuple[InitNote, ...]:
    first, *others = images
    notes = [InitNote("chose", f"image `{first.name}`: {first.why}")]
    notes += [
        InitNote("chose", f"image `{other.name}` from {other.source} as well, for targets that name it")
        for other in others
    ]
    return tuple(notes)


def _more_notes(root: str, found: Found, image: ImageChoice, files: Mapping[str, str]) -> tuple[InitNote, ...]:
    notes = []
    if image.source == "uv.lock" and not image.commands and (found.extras or found.groups):
        first = f"groups: [{found.groups[0]}]" if found.groups else f"extras: [{found.extras[0]}]"
        notes.append(InitNote("note", f"extras and groups are not installed; add them to the image: `{first}`"))
    for path, module in shadowing(root, found.code.paths):
        notes.append(
            InitNote("note", f"{path} hides Python's own `{module}`, since {path.partition('/')[0]} is on PYTHONPATH")
        )
    out = sorted(ignored(root, [*files, *image.made, *_lock_files(found, image)])) if found.place is not None else []
    if out:
        notes.append(
            InitNote("note", f"git ignores {_some(tuple(out))}, which a run needs: see `git check-ignore -v {out[0]}`")
        )
    return tuple(notes)


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"
