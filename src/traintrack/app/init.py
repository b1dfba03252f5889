"""`init`: write a workspace to start from, a minimal one or a packaged example."""

from __future__ import annotations

import errno
import os
import re
import shlex
import sys
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from traintrack.app.answers import InitReport
from traintrack.app.starter import starter_files
from traintrack.errors import HostError, InputError, InternalError, UsageError
from traintrack.label import is_segment

_WORKSPACE_FILE = "TTWORKSPACE.yaml"
_GITIGNORE = ".gitignore"
_LEFT_OUT = frozenset({"__pycache__", ".git", ".venv"})
_NAME_LINE = re.compile(rb"^workspace:.*$", re.MULTILINE)


def init(directory: Path, example: str | None = None, name: str | None = None) -> InitReport:
    """Write a workspace into `directory`, which is made if it is not there, and say how to go on.

    No file that is there is ever overwritten, and no git command runs. What was broken off is completed by a
    repetition. `name` is the workspace's name, by default that of the folder (or of the example).

    Raises:
        InputError: the folder is a workspace, or a file is in the way.
        UsageError: there is no such example, or the name cannot be one.
        HostError: the folder cannot be written.
    """
    root = directory.resolve()
    _refuse_workspace(root)
    files = _example_files(example, name) if example else _starter_files(root, name)
    if (root / _GITIGNORE).exists():
        # A repository that is there already has its own, and ours only spares it some clutter.
        files.pop(_GITIGNORE, None)
    there = {path for path in files if os.path.lexists(root / path)}
    in_the_way = sorted(path for path in there if not _holds(root / path, files[path][0]))
    if in_the_way:
        raise InputError(
            f"`{in_the_way[0]}` is there already and is not overwritten",
            code="file-exists",
            hint="use an empty folder: `traintrack init FOLDER`",
            details=in_the_way[1:],
        )
    _write(root, {path: file for path, file in files.items() if path not in there})
    return InitReport(root, tuple(sorted(files)), _next_steps(root, directory, example))


def _refuse_workspace(root: Path) -> None:
    if (root / _WORKSPACE_FILE).exists():
        raise InputError(
            f"`{root}` is a workspace already",
            code="workspace-exists",
            hint="add an experiment instead: a folder with a TTCONFIG.yaml",
        )


def _starter_files(root: Path, name: str | None) -> dict[str, tuple[bytes, bool]]:
    chosen = _checked(name) if name is not None else _name_of(root)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {path: (text.encode("utf-8"), False) for path, text in starter_files(chosen, python).items()}


def _checked(name: str) -> str:
    if is_segment(name):
        return name
    raise UsageError(
        f"`{name}` cannot be the name of a workspace",
        code="bad-name",
        hint="use letters, digits and `_ . + -`",
    )


def _name_of(root: Path) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.+-]+", "-", root.name).strip("-.")
    return plain or "workspace"


def _example_files(example: str, name: str | None) -> dict[str, tuple[bytes, bool]]:
    """Map each path of an example to its content and whether it is executable."""
    folder = _examples() / example
    if not is_segment(example) or not (folder / _WORKSPACE_FILE).is_file():
        known = ", ".join(f"`{item.name}`" for item in _known_examples())
        raise UsageError(f"there is no example `{example}`", code="unknown-example", hint=f"examples: {known}")
    files = _files_below(folder)
    if name is not None:
        data, executable = files[_WORKSPACE_FILE]
        line = f"workspace: {_checked(name)}".encode()
        files[_WORKSPACE_FILE] = (_NAME_LINE.sub(line, data, count=1), executable)
    return files


def _examples() -> Traversable:
    """The folder of examples: inside the installed package, or beside `src` in a source tree."""
    package = resources.files("traintrack")
    installed = package / "examples"
    if installed.is_dir():
        return installed
    source_tree = Path(str(package)).parent.parent / "examples"
    if source_tree.is_dir():
        return source_tree
    raise InternalError("the examples are missing from this installation", code="no-examples")


def _known_examples() -> list[Traversable]:
    found = [item for item in _examples().iterdir() if (item / _WORKSPACE_FILE).is_file()]
    return sorted(found, key=lambda item: item.name)


def _files_below(folder: Traversable) -> dict[str, tuple[bytes, bool]]:
    files: dict[str, tuple[bytes, bool]] = {}
    waiting = [("", folder)]
    while waiting:
        prefix, here = waiting.pop()
        for item in here.iterdir():
            if item.name in _LEFT_OUT or item.name.endswith(".pyc"):
                continue
            if item.is_dir():
                waiting.append((f"{prefix}{item.name}/", item))
                continue
            executable = isinstance(item, Path) and os.access(item, os.X_OK)
            files[prefix + item.name] = (item.read_bytes(), executable)
    return files


def _holds(place: Path, data: bytes) -> bool:
    """Tell if a file is there with these bytes, as an earlier `init` that was broken off leaves it."""
    try:
        return place.is_file() and place.stat().st_size == len(data) and place.read_bytes() == data
    except OSError:
        return False


def _write(root: Path, files: Mapping[str, tuple[bytes, bool]]) -> None:
    """Write each file whole or not at all; the one that makes the folder a workspace comes last."""
    try:
        for path in sorted(files, key=lambda path: (path == _WORKSPACE_FILE, path)):
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            _write_new(place, *files[path])
    except OSError as error:
        raise HostError(
            f"`{error.filename or root}` cannot be written: {(error.strerror or str(error)).lower()}",
            code="cannot-write",
            hint="choose a folder that you may write to",
        ) from error


def _write_new(place: Path, data: bytes, executable: bool) -> None:  # noqa: FBT001
    """Write a file that is not there yet; the name of the half one is fixed, so that a repetition removes it."""
    half = place.with_name(f".{place.name}.half")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(half, flags, 0o755 if executable else 0o644), "wb") as stream:
            stream.write(data)
        if os.path.lexists(place):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place))
        os.rename(half, place)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(place)) from error


def _next_steps(root: Path, directory: Path, example: str | None) -> tuple[str, ...]:
    steps: list[str] = []
    if root != Path.cwd():
        steps.append(f"cd {shlex.quote(str(directory))}")
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        steps.append("git init")
    steps += ["git add .", "git commit -m 'Start a traintrack workspace'"]
    steps.append("traintrack run //..." if example else "traintrack run //experiments/hello")
    return tuple(steps)
