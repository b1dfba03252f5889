"""`doctor`: is everything here that traintrack needs, and how to mend what is not; inside a workspace or not."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from traintrack.app.answers import Diagnosis
from traintrack.app.environment import cache_folder, describe_engine, environment_spec, open_environment
from traintrack.errors import TraintrackError
from traintrack.version import VERSION
from traintrack.workspace.load import find_workspace, load_workspace
from traintrack.workspace.model import EnvironmentSpec, Workspace

_GIT_NEEDED = (2, 36)
_FREE_BYTES_WANTED = 10 * 1024**3
_ANSWER_TIMEOUT_S = 10.0


def doctor(start: Path, env: str | None = None) -> tuple[Diagnosis, ...]:
    """Look at the programs, the workspace around `start` if there is one, its storage and the cache folder.

    A problem is one that `run` would stumble over. Nothing is left behind but folders that `run` makes too.

    Raises:
        UsageError: the workspace has no environment `env`.
    """
    found = [_python(), _git(), _uv(), _yaml()]
    workspace = _workspace(start, found)
    spec = environment_spec(workspace, env) if workspace is not None else None
    found.append(_engine(workspace, spec))
    if workspace is not None and spec is not None:
        found.append(_storage(workspace, spec))
        found += _bucket(spec)
        found += _folder("storage disk", _storage_folder(workspace, spec))
    found += _folder("cache folder", cache_folder())
    return tuple(found)


def _python() -> Diagnosis:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Diagnosis("python", "ok", f"{version}, traintrack {VERSION}")


def _git() -> Diagnosis:
    said = _said("git", "--version")
    hint = f"install git {_GIT_NEEDED[0]}.{_GIT_NEEDED[1]} or newer"
    if said is None:
        return Diagnosis("git", "problem", "not found on PATH", hint)
    numbers = re.search(r"(\d+)\.(\d+)", said)
    version = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    if version < _GIT_NEEDED:
        return Diagnosis("git", "problem", f"{said} is too old", hint)
    return Diagnosis("git", "ok", said.removeprefix("git version "))


def _uv() -> Diagnosis:
    beside = Path(sys.executable).parent / "uv"
    program = shutil.which("uv") or (str(beside) if beside.is_file() else None)
    said = _said(program, "--version") if program else None
    if said is None:
        return Diagnosis("uv", "problem", "not found; Python images need it", "pip install uv")
    return Diagnosis("uv", "ok", said.removeprefix("uv "))


def _said(*command: str) -> str | None:
    """The first line that a program prints, None if it cannot be started or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.splitlines()), "")


def _engine(workspace: Workspace | None, spec: EnvironmentSpec | None) -> Diagnosis:
    """Look for a container engine; without one only Python images run, which is enough for many."""
    uses = workspace is not None and any(image.python is None for image in workspace.images.values())
    try:
        name, version, rootless = describe_engine(spec)
    except TraintrackError as error:
        said = "; ".join([error.message, *error.details])
        return Diagnosis("containers", "problem" if uses else "warning", said, error.hint or "")
    return Diagnosis("containers", "ok", f"{name} {version}{', without root' if rootless else ''}")


def _yaml() -> Diagnosis:
    import yaml  # noqa: PLC0415  (slow to import, and only looked at here)

    if getattr(yaml, "__with_libyaml__", False):
        return Diagnosis("yaml", "ok", f"PyYAML {yaml.__version__} with its C parser")
    return Diagnosis(
        "yaml",
        "warning",
        f"PyYAML {yaml.__version__} without its C parser: large workspaces load slowly",
        "pip install --force-reinstall pyyaml",
    )


def _workspace(start: Path, found: list[Diagnosis]) -> Workspace | None:
    try:
        root = find_workspace(start)
    except TraintrackError:
        found.append(Diagnosis("workspace", "warning", f"none above {start}", "traintrack init"))
        return None
    try:
        workspace = load_workspace(root)
    except TraintrackError as error:
        found.append(Diagnosis("workspace", "problem", str(error), error.hint or "traintrack check"))
        return None
    found.append(Diagnosis("workspace", "ok", f"{workspace.name} at {root}"))
    found.append(_repository(workspace))
    return workspace


def _repository(workspace: Workspace) -> Diagnosis:
    top = _said("git", "-C", str(workspace.root), "rev-parse", "--show-toplevel")
    if top is None:
        return Diagnosis("repository", "problem", "the workspace is not in git", "git init && git add . && git commit")
    head = _said("git", "-C", str(workspace.root), "rev-parse", "--verify", "--quiet", "HEAD")
    if head is None:
        return Diagnosis("repository", "problem", "it has no commit yet", "git add . && git commit")
    return Diagnosis("repository", "ok", f"at {head[:12]}")


def _storage(workspace: Workspace, spec: EnvironmentSpec) -> Diagnosis:
    """Open the storage of the environment: that checks its format, that its disk is local, and the rights."""
    try:
        environment = open_environment(workspace, spec.name)
    except TraintrackError as error:
        return Diagnosis("storage", "problem", str(error), error.hint or "")
    return Diagnosis("storage", "ok", f"{environment.storage.name} (environment {environment.name})")


def _bucket(spec: EnvironmentSpec) -> Iterator[Diagnosis]:
    """Look if the bucket of the environment can be shared, and at its settings."""
    if not spec.storage.startswith("s3://"):
        return
    from traintrack.storages.s3.checkup import examine  # noqa: PLC0415  loads the client

    seen = examine(spec.storage, spec.options)
    if seen.problem is not None:
        yield Diagnosis("bucket", "problem", "; ".join([seen.said, *seen.problem.details]), seen.problem.hint or "")
        return
    yield Diagnosis("bucket", "ok", f"{seen.url}: {seen.said}")
    for advice in seen.advice:
        yield Diagnosis("bucket", "warning", advice.message, advice.hint)


def _storage_folder(workspace: Workspace, spec: EnvironmentSpec) -> Path | None:
    return None if "://" in spec.storage else workspace.root / Path(spec.storage).expanduser()


def _folder(name: str, folder: Path | None) -> Iterator[Diagnosis]:
    """Look at the disk under a folder: rights, locks and what is free."""
    if folder is None:
        return
    standing = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        locks = _locks(standing)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        yield Diagnosis(name, "problem", f"{standing} cannot be written: {reason}", f"chmod u+rwx {standing}")
        return
    if not locks:
        yield Diagnosis(name, "problem", f"{standing} gives no file locks", "use a folder on a local disk")
        return
    yield _space(name, folder, standing)


def _space(name: str, folder: Path, standing: Path) -> Diagnosis:
    free = shutil.disk_usage(standing).free
    detail = f"{folder}: writable, locks work, {free / 1024**3:.1f} GiB free"
    if free < _FREE_BYTES_WANTED:
        return Diagnosis(name, "warning", detail, "free some space, or `traintrack clean`")
    return Diagnosis(name, "ok", detail)


def _locks(folder: Path) -> bool:
    """Tell if a lock that one holds keeps another out."""
    with (
        tempfile.NamedTemporaryFile(dir=folder, prefix=".traintrack-doctor-") as first,
        open(first.name, "rb") as other,
    ):
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
