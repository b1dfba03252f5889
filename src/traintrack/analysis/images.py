"""Which image a target runs in, and what it is pinned to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from traintrack.action.image import BuiltImage, ContainerImage, Image, PythonImage
from traintrack.analysis.dockerfile import DockerfileError, base_images
from traintrack.analysis.preimage import hashed_image
from traintrack.analysis.revisions import Revisions, clean_path, clean_paths, is_full_hash
from traintrack.digest import JsonValue
from traintrack.errors import InputError, Location, raise_all
from traintrack.graph.suggest import listed
from traintrack.workspace import images as declared
from traintrack.workspace.findings import shown
from traintrack.workspace.model import Experiment, ImageSpec, Lock, Target, Workspace
from traintrack.workspace.suggest import closest

ANY_PLATFORM = "any"
UV_LOCK = "uv.lock"
_COMMIT = "{commit}"
_DIGEST_MARK = "@sha256:"


class Build(Struct, frozen=True):
    """An image's `build` with its defaults: paths from the workspace root, the Dockerfile among them or below one."""

    context: str
    dockerfile: str
    paths: tuple[str, ...]
    args: Mapping[str, str]


class ResolvedImage(Struct, frozen=True):
    """A pinned image with what its pre-image says; `entrypoint` is None where nothing was declared.

    `isolation` is what is loosened around its tasks.
    """

    image: Image
    hashed: JsonValue
    entrypoint: tuple[str, ...] | None
    platform: str
    isolation: Mapping[str, str] = {}


class Images:
    """Resolves images; targets of an experiment that name the same one at the same commit share the answer."""

    def __init__(self, workspace: Workspace, revisions: Revisions, head: str | None) -> None:
        self._workspace = workspace
        self._revisions = revisions
        self._head = head
        self._known: dict[tuple[str, str, str | None], ResolvedImage] = {}

    def resolve(self, target: Target, experiment: Experiment, revision: str | None) -> ResolvedImage:
        """Return the image of a target, pinned.

        Raises:
            InputError: there is no such image, a pin is missing, or a file that it names does not exist.
        """
        name = target.spec.image
        if not isinstance(name, str):
            return self._resolved(image_spec(target, experiment, self._workspace), experiment.lock, revision)
        key = (experiment.package, name, revision)
        known = self._known.get(key)
        if known is None:
            spec = image_spec(target, experiment, self._workspace)
            known = self._known[key] = self._resolved(spec, experiment.lock, revision)
        return known

    def _resolved(self, spec: ImageSpec, lock: Lock, revision: str | None) -> ResolvedImage:
        if spec.ref is not None:
            image: Image = _container(image_ref(spec, revision, self._head), spec, lock)
        elif spec.build is not None:
            image = self._built(spec, lock, needed_revision(spec, revision))
        else:
            image = self._python(spec, lock, needed_revision(spec, revision))
        default = ANY_PLATFORM if isinstance(image, PythonImage) else self._workspace.platform
        return ResolvedImage(image, hashed_image(image), spec.entrypoint, spec.platform or default, spec.isolation)

    def _built(self, spec: ImageSpec, lock: Lock, revision: str) -> BuiltImage:
        build = build_of(spec)
        tree = {path: self._revisions.object_at(revision, path, lock, spec.place) for path in build.paths}
        bases: dict[str, str] = {}
        errors: list[InputError] = []
        for ref in build_bases(spec, build, self._revisions, revision, lock):
            digest = digest_in(ref) or lock.bases.get(ref)
            if digest is None:
                errors.append(missing_pin(f"the base image `{ref}` of `{spec.name}`", spec.place))
                continue
            bases[ref] = digest
        raise_all(errors)
        return BuiltImage(build.context, build.dockerfile, tree, bases, build.args)

    def _python(self, spec: ImageSpec, lock: Lock, revision: str) -> PythonImage:
        files = python_files(spec)
        digests = [self._revisions.sha256_at(revision, path, lock, spec.place) for path in files]
        return PythonImage(
            python=spec.python or "",
            lock_path=files[0],
            lock_sha256=digests[0],
            project_sha256=digests[1] if len(digests) > 1 else None,
            groups=tuple(sorted(set(spec.groups))),
            extras=tuple(sorted(set(spec.extras))),
        )


def image_spec(target: Target, experiment: Experiment, workspace: Workspace) -> ImageSpec:
    """Return what a target's `image` says: a name of the experiment, one of the workspace, or written out.

    Raises:
        InputError: there is none, or none of that name.
    """
    image = target.spec.image
    if image is None:
        raise InputError(
            f"`{target.label}` has no `image`",
            code="missing-image",
            location=target.place,
            hint="add `image: NAME` with a name from `images` of TTWORKSPACE.yaml",
        )
    if not isinstance(image, str):
        return declared.image_spec(f"{target.label}.image", image, target.place_of("image"))
    spec = experiment.images.get(image) or workspace.images.get(image)
    if spec is not None:
        return spec
    names = [*experiment.images, *workspace.images]
    close = closest(image, names)
    hint = "declare it under `images` in TTWORKSPACE.yaml"
    if close is not None:
        hint = f"did you mean `{close}`?"
    elif names:
        hint = f"{hint}; there are {listed(names)}"
    raise InputError(
        f"there is no image named `{image}`", code="unknown-image", location=target.place_of("image"), hint=hint
    )


def image_ref(spec: ImageSpec, revision: str | None, head: str | None) -> str:
    """Return the ref of a container image with `{commit}` filled in.

    Raises:
        InputError: it wants a commit and the target has none.
    """
    ref = spec.ref or ""
    if _COMMIT not in ref:
        return ref
    commit = head if revision == "HEAD" else revision
    if commit is None or not is_full_hash(commit):
        raise InputError(
            f"the ref of `{spec.name}` holds `{_COMMIT}`, and the target's commit is `{revision or 'not given'}`",
            code="bad-commit",
            location=spec.place,
            hint="give the target a full commit hash whose image was pushed",
        )
    return ref.replace(_COMMIT, commit)


def digest_in(ref: str) -> str | None:
    """Return the digest that a ref ends in, None if it has only a tag."""
    _, mark, digits = ref.partition(_DIGEST_MARK)
    return f"sha256:{digits}" if mark else None


def build_of(spec: ImageSpec) -> Build:
    """Return an image's `build` with its defaults: context `.`, `Dockerfile` in it, and the context as paths.

    Raises:
        InputError: a path leaves the workspace.
    """
    fields = spec.build or {}
    try:
        context = clean_path(str(fields.get("context", ".")))
        beside = "Dockerfile" if context == "." else f"{context}/Dockerfile"
        dockerfile = clean_path(str(fields.get("dockerfile", beside)))
    except ValueError as error:
        raise InputError(
            str(error), code="bad-path", location=spec.place, hint="write it from the workspace root"
        ) from error
    paths = clean_paths([str(path) for path in fields.get("paths", [context])], spec.place)
    if not any(path in (".", dockerfile) or dockerfile.startswith(f"{path}/") for path in paths):
        paths = (*paths, dockerfile)
    args = {str(name): _arg_text(value) for name, value in fields.get("args", {}).items()}
    return Build(context, dockerfile, paths, args)


def build_bases(spec: ImageSpec, build: Build, revisions: Revisions, revision: str, lock: Lock) -> tuple[str, ...]:
    """Return the refs that the Dockerfile of a commit builds upon, sorted.

    Raises:
        InputError: there is no such Dockerfile, or it names a base by a variable without a value.
    """
    data = revisions.content_at(revision, build.dockerfile, lock, spec.place)
    try:
        return base_images(data.decode("utf-8", "replace"), build.args)
    except DockerfileError as error:
        raise InputError(
            f"in `{build.dockerfile}` {error}",
            code="bad-dockerfile",
            location=spec.place,
            hint="give it a value: `ARG NAME=value` before `FROM`, or under `args` of the image's `build`",
        ) from error


def python_files(spec: ImageSpec) -> tuple[str, ...]:
    """Return the files that decide a Python environment: its lock and, beside a `uv.lock`, the pyproject.toml.

    Raises:
        InputError: no lock is named, or it lies outside of the workspace.
    """
    try:
        lock = clean_path(spec.lock or "")
    except ValueError as error:
        raise InputError(
            f"the image `{spec.name}` names no lock file of this workspace",
            code="bad-path",
            location=spec.place,
            hint="add `lock: requirements.lock` or `lock: uv.lock`, from the workspace root",
        ) from error
    folder, slash, name = lock.rpartition("/")
    return (lock, f"{folder}{slash}pyproject.toml") if name == UV_LOCK else (lock,)


def needed_revision(spec: ImageSpec, revision: str | None) -> str:
    """Return the revision that an image made from files needs.

    Raises:
        InputError: the target has no commit.
    """
    if revision is not None:
        return revision
    raise InputError(
        f"the image `{spec.name}` is made from files, and the target has no `commit` to read them at",
        code="missing-commit",
        location=spec.place,
        hint="add `commit` to the target, or to `defaults`",
    )


def missing_pin(what: str, place: Location) -> InputError:
    """The error for an answer that is not in git and that nobody has locked."""
    return InputError(
        f"{what if what.isprintable() else shown(what)} has no pin in TTLOCK.yaml",
        code="missing-pin",
        location=place,
        hint="run `traintrack lock`, and commit the TTLOCK.yaml that it writes",
    )


def _container(ref: str, spec: ImageSpec, lock: Lock) -> ContainerImage:
    digest = digest_in(ref) or lock.images.get(ref)
    if digest is None:
        raise missing_pin(f"the image `{ref}`", spec.place)
    return ContainerImage(ref, digest)


def _arg_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
