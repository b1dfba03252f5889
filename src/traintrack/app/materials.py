"""Brings code and lock files from git into the storage, so that a runner needs no repository."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from traintrack.action.action import Action
from traintrack.action.image import PythonImage
from traintrack.action.job import JobState
from traintrack.app.missing_module import where_module_lies
from traintrack.app.project import Project
from traintrack.digest import sha256_hex
from traintrack.errors import HostError, InputError, raise_all
from traintrack.ports.storage import Kept
from traintrack.workspace.code_pack import check_code, pack_code
from traintrack.workspace.source_control import HEAD

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
        if not missing and (not isinstance(image, PythonImage) or image.lock_sha256 in self._provided):
            return
        with self._lock:
            if missing:
                self._provide_code(action)
            if isinstance(image, PythonImage):
                self._provide_lock(action, image)

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

    def _provide_code(self, action: Action) -> None:
        names = {path: f"code/{oid.replace(':', '-')}" for path, oid in action.code.items()}
        absent = [path for path, name in names.items() if not self._kept.has_named(name)]
        if absent:
            errors: list[InputError] = check_code(self._project.source, action.code)
            raise_all(errors)
        for path in absent:
            self._kept.put_named(names[path], pack_code(self._project.source, action.code[path], path))
        self._provided.update(action.code.values())

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
