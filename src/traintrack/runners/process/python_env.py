"""Python images: one environment per lock, built once by uv and shared by all tasks that name it.

An environment cannot be moved, its scripts name their interpreter by path. So it is built where it stays,
under a lock, and counts only when a marker beside it says that it is complete.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from traintrack.action.image import Image, PythonImage
from traintrack.digest import canonical_json, sha256_hex
from traintrack.errors import CancelledError, HostError
from traintrack.ports.storage import Kept
from traintrack.runners.contract.lock_file import locked
from traintrack.runners.contract.stage import remove_tree

_LOOK_AGAIN_S = 0.05
_LAST_LINES = 12
_NOT_FOR_UV = frozenset(
    {
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PYTHONPATH",
        "PYTHONHOME",
        "UV_PYTHON",
        "UV_PROJECT",
        "UV_PROJECT_ENVIRONMENT",
        "UV_WORKING_DIRECTORY",
    }
)
# uv reads no settings of pip; who has told pip where packages come from means both.
_PIP_TO_UV = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_FIND_LINKS": "UV_FIND_LINKS"}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class PythonEnv(Struct, frozen=True):
    """A complete environment: its interpreter, the folder of its programs, and the exact version of Python."""

    python: str
    bin_folder: str
    version: str


class PythonEnvs:
    """Provides environments below `root`, in any number of threads and processes."""

    def __init__(self, root: Path, kept: Kept) -> None:
        self._root = root
        self._kept = kept
        self._known: dict[PythonImage, PythonEnv] = {}

    def has(self, image: Image) -> bool:
        """Tell if an environment is known to be there: providing it is short then."""
        return isinstance(image, PythonImage) and image in self._known

    def provide(self, image: PythonImage, cancelled: threading.Event) -> PythonEnv:
        """Return the environment of an image, building it if it is not there.

        Raises:
            HostError: uv, the Python version, the lock or a package is missing, with uv's last lines.
            CancelledError: `cancelled` was set meanwhile.
        """
        known = self._known.get(image)
        if known is not None and os.path.exists(known.python):
            return known
        folder = self._root / environment_key(image)
        env = _complete(folder) or self._build_once(image, folder, cancelled)
        self._known[image] = env
        return env

    def _build_once(self, image: PythonImage, folder: Path, cancelled: threading.Event) -> PythonEnv:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with locked(folder.with_suffix(".lock"), cancelled, "the Python environment"):
                return _complete(folder) or self._build(image, folder, cancelled)
        except OSError as error:
            raise HostError(
                f"the Python environment cannot be written at `{folder}`: {error.strerror}",
                code="python-env",
                hint="make room there, or set another cache folder",
            ) from error

    def _build(self, image: PythonImage, folder: Path, cancelled: threading.Event) -> PythonEnv:
        uv = find_uv()
        if uv is None:
            raise missing_uv()
        remove_tree(str(folder))
        project = folder / "project"
        project.mkdir(parents=True)
        python = folder / "venv" / "bin" / "python"
        self._write_lock(image, project)
        for argv in _commands(uv, image, folder):
            _run_uv(argv, image, project, cancelled)
        env = PythonEnv(str(python), str(python.parent), _version(folder / "venv"))
        marker = folder / "complete.json.tmp"
        marker.write_text(json.dumps(asdict(env)), encoding="utf-8")
        os.replace(marker, folder / "complete.json")
        return env

    def _write_lock(self, image: PythonImage, project: Path) -> None:
        wanted = {_lock_name(image): image.lock_sha256}
        if image.project_sha256 is not None:
            wanted["pyproject.toml"] = image.project_sha256
        for name, digest in wanted.items():
            data = self._kept.get_named(f"lock/{digest}")
            if data is None:
                raise HostError(
                    f"the lock file `{image.lock_path}` is not in the storage",
                    code="lock-missing",
                    hint="run the command again from the repository: it exports the lock file anew",
                )
            (project / name).write_bytes(data)


def host_platform() -> str:
    """Return this machine as images name it: `linux/amd64`, `darwin/arm64`."""
    machine = platform.machine().lower()
    return f"{sys.platform}/{_MACHINES.get(machine, machine)}"


def environment_key(image: PythonImage) -> str:
    """Return the name of an image's environment: a digest of all that decides its content."""
    parts = [
        image.python,
        image.lock_sha256,
        image.project_sha256,
        sorted(image.groups),
        sorted(image.extras),
        host_platform(),
    ]
    return sha256_hex(canonical_json(parts))[:32]


def find_uv() -> str | None:
    """Return the path of uv: on the caller's PATH, else beside the interpreter that runs traintrack."""
    return shutil.which("uv") or shutil.which("uv", path=os.path.dirname(sys.executable))


def missing_uv() -> HostError:
    """The error where there is no uv."""
    return HostError("uv is not installed, and Python images need it", code="uv-missing", hint="pip install uv")


def _complete(folder: Path) -> PythonEnv | None:
    try:
        env = PythonEnv(**json.loads((folder / "complete.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    # The interpreter is a link to one of the system, which may have been removed since.
    return env if os.path.exists(env.python) else None


def _commands(uv: str, image: PythonImage, folder: Path) -> list[list[str]]:
    """Return what uv is to do, in order.

    Bytecode is compiled at once: tasks share the environment and must find nothing left to write there.
    """
    quiet = ["--no-progress", "--color", "never"]
    venv = str(folder / "venv")
    if image.project_sha256 is not None:
        chosen = [w for g in sorted(image.groups) for w in ("--group", g)]
        chosen += [w for e in sorted(image.extras) for w in ("--extra", e)]
        how = ["--frozen", "--no-install-project", "--no-default-groups", "--compile-bytecode"]
        return [[uv, "sync", *how, *chosen, "--python", image.python, *quiet]]
    make = [uv, "venv", "--no-project", "--python", image.python, *quiet, venv]
    lock = folder / "project" / _lock_name(image)
    text = lock.read_text(encoding="utf-8", errors="replace")
    hashes = ["--require-hashes"] if "--hash=" in text else []
    how = ["--allow-empty-requirements", "--compile-bytecode", *hashes]
    return [make, [uv, "pip", "sync", "--python", f"{venv}/bin/python", *how, *quiet, str(lock)]]


def _lock_name(image: PythonImage) -> str:
    return "requirements.txt" if image.project_sha256 is None else "uv.lock"


def _run_uv(argv: list[str], image: PythonImage, project: Path, cancelled: threading.Event) -> None:
    log = project / "uv.log"
    with open(log, "wb") as sink:
        process = subprocess.Popen(
            argv,
            cwd=project,
            env=_uv_environment(os.environ, project),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            while process.poll() is None:
                if cancelled.wait(_LOOK_AGAIN_S):
                    raise CancelledError("stopped while the Python environment was built")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode:
        raise _failed(argv, image, log.read_text(encoding="utf-8", errors="replace").splitlines())


def _uv_environment(caller: Mapping[str, str], project: Path) -> dict[str, str]:
    """The caller's environment, for its proxies, certificates and package indexes, without what names another project."""
    env = {name: value for name, value in caller.items() if name not in _NOT_FOR_UV}
    for pip, uv in _PIP_TO_UV.items():
        if pip in env:
            env.setdefault(uv, env[pip])
    return {**env, "UV_PROJECT_ENVIRONMENT": str(project.parent / "venv")}


def _failed(argv: list[str], image: PythonImage, lines: list[str]) -> HostError:
    said = [line for line in lines if line.strip()][-_LAST_LINES:]
    text = "\n".join(said)
    hint = f"see if `{image.lock_path}` can be installed: uv pip install --dry-run -r {image.lock_path}"
    if image.project_sha256 is not None:
        hint = f"see if `{image.lock_path}` can be installed: uv sync --frozen --dry-run"
    # Making a bare environment can only fail over the interpreter; `uv sync` tells by its words.
    if argv[1] == "venv" or any(word in text.lower() for word in ("interpreter", "python-build-standalone")):
        hint = f"install that Python: uv python install {image.python}"
    return HostError(
        f"uv cannot make the Python {image.python} environment of `{image.lock_path}`",
        code="python-env",
        hint=hint,
        details=said,
    )


def _version(venv: Path) -> str:
    """Return the exact version from `pyvenv.cfg`, which uv writes as `version_info = 3.11.7`."""
    for line in (venv / "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.strip() in ("version_info", "version"):
            return value.strip()
    return ""
