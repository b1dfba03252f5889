"""Brings code and lock files from git into the storage, so that a runner needs no repository."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from traintrack.action.action import Action
from traintrack.action.image import BuiltImage, ContainerImage, PythonImage, recipe_digest
from traintrack.action.image_ref import parse_image_ref
from traintrack.action.job import JobState
from traintrack.analysis.dockerfile import pinned_text
from traintrack.app.missing_module import where_module_lies
from traintrack.app.project import Project
from traintrack.digest import sha256_hex
from traintrack.errors import HostError, InputError, raise_all
from traintrack.ports.storage import Kept
from traintrack.workspace.code_pack import check_code, pack_code
from traintrack.workspace.git_object import FILE, PROGRAM
from traintrack.workspace.source_control import HEAD, SourceControl

MIN_SECRET_LENGTH = 4
"""A shorter value cannot be masked in logs without masking half of the text."""


class GitMaterials:
    """Packs each tree and lock file once; safe to call from several threads."""

    def __init__(self, project: Project, kept: Kept) -> None:
        self._project, self._kept = project, kept
        self._lock = threading.Lock()
        self._provided: set[str] = set()

    def provide(self, action: Action) -> None:
        """See to it that code and lock files of the action are kept.

        Raises:
            InputError: the code has what cannot be delivered, or a lock file is gone from its commit.
        """
        missing = [o for o in action.code.values() if o not in self._provided]
        image = action.image
        if not missing and _image_key(action) in self._provided:
            return
        with self._lock:
            if missing:
                self._provide_code(action.code)
            if isinstance(image, PythonImage):
                self._provide_lock(action, image)
            if isinstance(image, BuiltImage):
                self._provide_build(action, image)
            self._provided.add(_image_key(action))

    def secrets(self, action: Action) -> Mapping[str, str]:
        """The values of the action's secrets by name, from the caller's environment.

        Raises:
            HostError: a variable is not set, or too short to be masked.
        """
        values = {}
        for secret in action.secrets:
            value = os.environ.get(secret.source)
            if value is None:
                raise HostError(
                    f"`{action.label}` needs the secret `{secret.name}` and `{secret.source}` is not set",
                    code="no-secret",
                    hint=f"set it for this command: {secret.source}=… traintrack run {action.label}",
                )
            if len(value) < MIN_SECRET_LENGTH:
                raise HostError(
                    f"the secret `{secret.name}` is shorter than {MIN_SECRET_LENGTH} characters",
                    code="short-secret",
                    hint="a value this short cannot be masked in logs; use a longer one",
                )
            values[secret.name] = value
        return values

    def explain(self, action: Action, state: JobState) -> str | None:
        """Say which file holds a module that the task missed, and the line to add to `paths`."""
        return where_module_lies(action, state, self._project)

    def _provide_code(self, code: Mapping[str, str]) -> None:
        names = {path: f"code/{oid.replace(':', '-')}" for path, oid in code.items()}
        absent = [path for path, name in names.items() if not self._kept.has_named(name)]
        if absent:
            errors: list[InputError] = check_code(self._project.source, code)
            raise_all(errors)
        for path in absent:
            self._kept.put_named(names[path], pack_code(self._project.source, code[path], path))
        self._provided.update(code.values())

    def _provide_build(self, action: Action, image: BuiltImage) -> None:
        """Keep what an image is built from, and its Dockerfile with the bases by their digests."""
        self._provide_code(image.tree)
        name = f"dockerfile/{recipe_digest(image, action.platform)}"
        if self._kept.has_named(name):
            return
        text = dockerfile_of(self._project.source, image).decode("utf-8", "surrogateescape")
        pinned = {ref: parse_image_ref(ref).pinned(digest) for ref, digest in image.bases.items()}
        self._kept.put_named(name, pinned_text(text, image.args, pinned).encode("utf-8", "surrogateescape"))

    def _provide_lock(self, action: Action, image: PythonImage) -> None:
        folder = image.lock_path.rpartition("/")[0]
        project_file = f"{folder}/pyproject.toml" if folder else "pyproject.toml"
        files = [(image.lock_path, image.lock_sha256)]
        if image.project_sha256 is not None:
            files.append((project_file, image.project_sha256))
        for path, digest in files:
            if not self._kept.has_named(f"lock/{digest}"):
                self._kept.put_named(f"lock/{digest}", self._read(action, path, digest))
            self._provided.add(digest)

    def _read(self, action: Action, path: str, digest: str) -> bytes:
        revision = action.provenance.commit or HEAD
        data = self._project.source.read(revision, path)
        if data is None or sha256_hex(data) != digest:
            raise InputError(
                f"`{path}` at {revision[:12]} is not the file that `{action.label}` is pinned to",
                code="lock-file-changed",
                hint="bring that commit into this repository: git fetch --unshallow",
            )
        return data


def dockerfile_of(source: SourceControl, image: BuiltImage) -> bytes:
    """Return the bytes of a build's Dockerfile, found below the objects that it is pinned to.

    Raises:
        InputError: it is not a file there.
    """
    for path, object_id in image.tree.items():
        for entry in source.entries(object_id):
            here = "/".join(part for part in (path, entry.path) if part not in ("", "."))
            if here == image.dockerfile and entry.mode in (FILE, PROGRAM):
                return b"".join(source.blobs([entry.oid]))
    raise InputError(
        f"`{image.dockerfile}` is not a file among the `paths` of its image",
        code="bad-dockerfile",
        hint="name the file itself under `dockerfile` of the image's `build`, and not a link to it",
    )


def _image_key(action: Action) -> str:
    """What `provide` remembers an image by; one of a registry needs nothing from git."""
    image = action.image
    if isinstance(image, PythonImage):
        return image.lock_sha256
    return "" if isinstance(image, ContainerImage) else f"build/{recipe_digest(image, action.platform)}"
