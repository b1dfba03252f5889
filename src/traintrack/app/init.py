"""`init`: write a workspace to start from: a minimal one, an example, or one that fits a repository that is there."""

from __future__ import annotations

import errno
import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from traintrack.app.adopt import Adopted, Prefer, adopt
from traintrack.app.adopt_find import Found, look_around
from traintrack.app.answers import InitReport
from traintrack.app.starter import starter_files
from traintrack.app.starter_docker import docker_files
from traintrack.app.starter_example import example_files
from traintrack.errors import HostError, InputError, UsageError
from traintrack.label import is_segment

_WORKSPACE_FILE = "TTWORKSPACE.yaml"
_GITIGNORE = ".gitignore"
_FIRST_RUN = "traintrack run //experiments/hello"

Files = Mapping[str, tuple[bytes, bool]]
"""Path → content, and whether it is executable."""


class Wish(Struct, frozen=True):
    """What is asked for. Of `example`, `wrap` (a script) and `base` (an image for Dockerfiles) at most one is given."""

    example: str | None = None
    name: str | None = None
    wrap: str | None = None
    base: str | None = None


class InitPlan(Struct, frozen=True):
    """What `init` would do: `new` are the files that are not there yet."""

    report: InitReport
    new: Files


_PLAIN = Wish()


def init(directory: Path, wish: Wish = _PLAIN) -> InitReport:
    """Write a workspace into `directory`, which is made if it is not there, and say how to go on.

    No file that is there is ever overwritten, and nothing is committed. What was broken off is completed by a
    repetition.

    Raises:
        InputError: the folder is a workspace, a file is in the way, or what is there cannot be fitted.
        UsageError: there is no such example or script, or the name cannot be one.
        HostError: the folder cannot be read or written.
    """
    plan = plan_init(directory, wish)
    _write(plan.report.root, plan.new)
    return plan.report


def plan_init(directory: Path, wish: Wish = _PLAIN) -> InitPlan:
    """Return what `init` would write into `directory`, and write nothing; errors are those of `init`."""
    root = directory.resolve()
    _refuse_workspace(root, wish)
    name = _checked(wish.name) if wish.name is not None else None
    if wish.example is not None:
        return _plan(root, example_files(wish.example, name), _steps(root, directory, "traintrack run //..."))
    starter = _starter(root, wish, name)
    found = _found(root, starter, wish)
    if found is None:
        return _plan(root, starter, _steps(root, directory, _FIRST_RUN))
    prefer = Prefer.PYTHON if wish.base is None else Prefer.CONTAINER
    adopted = adopt(str(root), name or _name_of(found.remote or root.name), found, prefer, wish.wrap)
    plan = _plan(root, _encoded(adopted.files), _adopted_steps(root, directory, adopted))
    report = plan.report
    return InitPlan(InitReport(report.root, report.files, report.next_steps, adopted.notes), plan.new)


def _plan(root: Path, given: Files, steps: tuple[str, ...]) -> InitPlan:
    files = dict(given)
    if (root / _GITIGNORE).exists() and not _holds(root / _GITIGNORE, files.get(_GITIGNORE, (b"", False))[0]):
        # A repository that is there already has its own, and ours only spares it some clutter.
        files.pop(_GITIGNORE, None)
    there = {path for path in files if os.path.lexists(root / path)}
    in_the_way = sorted(path for path in there if not _holds(root / path, files[path][0]))
    if in_the_way:
        raise InputError(
            f"`{in_the_way[0]}` is there already and is not overwritten",
            code="file-exists",
            hint=f"move it away: `git mv {shlex.quote(in_the_way[0])} NEW_NAME`, or use an empty folder: `traintrack init FOLDER`",
            details=in_the_way[1:],
        )
    new = {path: file for path, file in files.items() if path not in there}
    return InitPlan(InitReport(root, tuple(sorted(files)), steps), new)


def _refuse_workspace(root: Path, wish: Wish) -> None:
    if not (root / _WORKSPACE_FILE).exists():
        return
    hint = "add an experiment instead: a folder with a TTCONFIG.yaml"
    if wish.wrap is not None:
        hint = "write the entry as in docs/how-to/adopt-an-existing-repository.md, and a TTCONFIG.yaml that names it"
    raise InputError(f"`{root}` is a workspace already", code="workspace-exists", hint=hint)


def _starter(root: Path, wish: Wish, name: str | None) -> Files:
    chosen = name or _name_of(root.name)
    if wish.base is not None:
        return _encoded(docker_files(chosen, wish.base))
    return _encoded(starter_files(chosen, _python()))


def _found(root: Path, starter: Files, wish: Wish) -> Found | None:
    """What the folder holds; None if there is nothing but what an earlier `init` that was broken off has left."""
    if not root.is_dir():
        if wish.wrap is None:
            return None
        raise InputError(
            f"`{root}` is not there",
            code="no-script",
            hint="run it in the folder of the script: `traintrack init --wrap train.py`",
        )
    found = look_around(str(root), _python())
    if wish.wrap is not None:
        return found
    left = {path for path in starter if _holds(root / path, starter[path][0])}
    own = {path.partition("/")[0] for path in left}
    foreign = [path for path in _whole(found) if path not in own or not _only(root / path, root, left)]
    return found if foreign else None


def _whole(found: Found) -> tuple[str, ...]:
    return (*found.code.paths, *found.environment_files, *found.dockerfiles)


def _only(place: Path, root: Path, left: set[str]) -> bool:
    """Tell if all below a place is what `init` has left there."""
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    return all(str(file.relative_to(root)) in left or file.name.endswith(".half") for file in files)


def _python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _encoded(files: Mapping[str, str]) -> Files:
    return {path: (text.encode("utf-8"), False) for path, text in files.items()}


def _checked(name: str) -> str:
    if is_segment(name):
        return name
    raise UsageError(
        f"`{name}` cannot be the name of a workspace",
        code="bad-name",
        hint="use letters, digits and `_ . + -`",
    )


def _name_of(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.+-]+", "-", text).strip("-.")
    return plain or "workspace"


def _holds(place: Path, data: bytes) -> bool:
    """Tell if a file is there with these bytes, as an earlier `init` that was broken off leaves it."""
    try:
        return place.is_file() and place.stat().st_size == len(data) and place.read_bytes() == data
    except OSError:
        return False


def _write(root: Path, files: Files) -> None:
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


def _steps(root: Path, directory: Path, run: str) -> tuple[str, ...]:
    commit = ("git add .", "git commit -m 'Start a traintrack workspace'")
    return (*_way_there(root, directory), *commit, run)


def _adopted_steps(root: Path, directory: Path, adopted: Adopted) -> tuple[str, ...]:
    commit = (f"git add {shlex.join(adopted.commit)}", "git commit -m 'Start a traintrack workspace'")
    run = f"traintrack run {adopted.label}" if adopted.ready else f"traintrack check {adopted.label}"
    return (*_way_there(root, directory), *adopted.commands, *commit, run)


def _way_there(root: Path, directory: Path) -> tuple[str, ...]:
    steps = [] if root == Path.cwd() else [f"cd {shlex.quote(str(directory))}"]
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        steps.append("git init")
    return tuple(steps)
