"""Which image fits a repository, and why: from what was found to a declaration, its reasons and what is to do first."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from msgspec import Struct, field

from traintrack.app.adopt_dockerfile import DockerContext
from traintrack.app.adopt_find import Found
from traintrack.app.adopt_yaml import yaml_paths, yaml_value

_EXPORTS = {
    "poetry.lock": "poetry export --format requirements.txt --output requirements.lock",
    "pdm.lock": "pdm export --format requirements --output requirements.lock",
    "Pipfile.lock": "pipenv requirements --hash > requirements.lock",
}
EMPTY_LOCK = """\
# The packages that tasks may import, pinned. Made from a list of your own by
#   uv pip compile --generate-hashes requirements.in -o requirements.lock
"""
CONDA_DOCKERFILE = "docker/tasks/Dockerfile"


class ImageChoice(Struct, frozen=True):
    """An image by name: its fields as text, what it is made from, and why it was chosen.

    `commands` are to be run before the first commit, and make the files `made`. `files` are written by us.
    """

    name: str
    fields: str
    source: str
    why: str
    commands: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    container: bool = False


def choose_python(found: Found) -> ImageChoice | None:
    """Return the Python image that fits, None where only a container can."""
    if found.uv_lock and not found.members:
        return _python(found, "uv.lock", "uv.lock", "uv.lock pins every package with its hash")
    if found.uv_lock:
        why = (
            f"uv.lock holds packages of this repository ({found.members[0]}), which are code and no packages for a task"
        )
        flags = "--frozen --no-emit-project --no-emit-workspace --no-emit-local"
        return _made(found, "uv.lock", why, f"uv export {flags} -o requirements.lock")
    if found.hashed:
        return _python(found, found.hashed[0], found.hashed[0], f"{found.hashed[0]} pins every package with its hash")
    if found.other_lock:
        why = f"uv cannot read {found.other_lock}, and its export is a requirements file with hashes"
        return _made(found, found.other_lock, why, _EXPORTS[found.other_lock])
    if found.pixi or found.conda:
        return None
    if found.loose:
        return _compiled(found)
    if found.project:
        return _python(
            found,
            "uv.lock",
            "pyproject.toml",
            "uv.lock is to be made: pyproject.toml names packages and pins none",
            ("uv lock",),
        )
    if found.dockerfiles:
        return None
    if not found.code.paths:
        return None
    image = _python(found, _free(found, "requirements.lock"), "nothing", "no file names packages, so the lock is empty")
    return ImageChoice(image.name, image.fields, image.source, image.why, files={"requirements.lock": EMPTY_LOCK})


def choose_dockerfile(
    found: Found, context: DockerContext, everything: tuple[str, ...], entrypoint: str
) -> ImageChoice:
    """Return the image of the first Dockerfile; `everything` is what the root holds, for one that copies it whole."""
    dockerfile = found.dockerfiles[0]
    sources = everything if context.whole else context.sources
    paths = tuple(dict.fromkeys((*sources, dockerfile)))
    why = f"{dockerfile} says how the image is built"
    if context.whole:
        why += "; it copies everything, so that every change builds it anew: let it copy only lock files"
    return ImageChoice(
        "container", _build(context.folder, dockerfile, paths, entrypoint), dockerfile, why, container=True
    )


def choose_conda(found: Found) -> ImageChoice:
    """Return a container image with the packages of pixi or conda, and the Dockerfile that makes it."""
    source = found.pixi or found.conda
    files = (source, "pixi.lock") if found.pixi else (source,)
    text = _PIXI.format(files=" ".join(files)) if found.pixi else _CONDA.format(file=source)
    why = f"conda packages of {source} need an image of their own, and uv cannot install them"
    fields = _build(".", CONDA_DOCKERFILE, (*files, CONDA_DOCKERFILE), "[python, -m]")
    return ImageChoice(
        "container",
        fields,
        source,
        why,
        commands=("pixi lock",) if found.pixi and not found.pixi_lock else (),
        made=("pixi.lock",) if found.pixi and not found.pixi_lock else (),
        files={CONDA_DOCKERFILE: text},
        container=True,
    )


def _python(found: Found, lock: str, source: str, why: str, commands: tuple[str, ...] = ()) -> ImageChoice:
    fields = f'{{python: "{found.python}", lock: {yaml_value(lock)}}}'
    made = (lock,) if commands else ()
    return ImageChoice("py", fields, source, why, commands, made)


def _made(found: Found, source: str, why: str, command: str) -> ImageChoice:
    lock = _free(found, "requirements.lock")
    return _python(found, lock, source, why, (command.replace("requirements.lock", lock),))


def _compiled(found: Found) -> ImageChoice:
    source = found.loose[0]
    stem, suffix = posixpath.splitext(source)
    lock = f"{stem}.lock" if suffix != ".lock" else f"{stem}.hashed.lock"
    command = f"uv pip compile --generate-hashes --python-version {found.python} {source} -o {lock}"
    why = f"{lock} is to be made: {source} has no hashes, so the same line may install other files tomorrow"
    return _python(found, lock, source, why, (command,))


def _free(found: Found, name: str) -> str:
    return name if name not in found.loose else name.replace(".lock", ".hashed.lock")


def _build(context: str, dockerfile: str, paths: tuple[str, ...], entrypoint: str) -> str:
    where = f"dockerfile: {yaml_value(dockerfile)}, paths: {yaml_paths(paths)}"
    where = where if context == "." else f"context: {yaml_value(context)}, {where}"
    return f"{{build: {{{where}}}, entrypoint: {entrypoint}}}"


_PIXI = """\
# The packages of pixi.lock, as an image for tasks. `traintrack lock` pins the base.
FROM ghcr.io/prefix-dev/pixi:0.59.0
WORKDIR /environment
COPY {files} ./
RUN pixi install --locked
ENV PATH=/environment/.pixi/envs/default/bin:$PATH
"""

_CONDA = """\
# The packages of {file}, as an image for tasks. `traintrack lock` pins the base.
FROM mambaorg/micromamba:2.3.2
COPY {file} /tmp/environment.yml
RUN micromamba install --yes --name base --file /tmp/environment.yml && micromamba clean --all --yes
ENV PATH=/opt/conda/bin:$PATH
"""
