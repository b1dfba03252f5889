"""What a repository says about its environment: lock files, requirements, Dockerfiles, and its own name."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from traintrack.app.adopt_code import FoundCode, find_code
from traintrack.errors import HostError
from traintrack.workspace.git_place import GitPlace, find_place
from traintrack.workspace.requirement import RequirementError, satisfies

OTHER_LOCKS = ("poetry.lock", "pdm.lock", "Pipfile.lock")
_REQUIREMENTS = re.compile(r"requirements?[\w.-]*\.(?:txt|lock|in)\Z|constraints?\.lock\Z")
_FOR_OTHERS = re.compile(r"dev|test|doc|lint|ci\b|build")
_PYTHON_SAID = re.compile(r"(?:--python-version[= ]|with Python )(3\.\d{1,2})")
_URL = re.compile(r'^\[remote "origin"\]\s*\n(?:[^\[]*?\n)?\s*url\s*=\s*(\S+)', re.MULTILINE)
_MINORS = range(9, 15)
_MAX_BYTES = 16 << 20


class Found(Struct, frozen=True):
    """What was found; paths are from the workspace root, the first of several is the most telling.

    `hashed` and `loose` are requirements files with and without hashes. `members` are the packages of a uv.lock that lie
    in the repository themselves, besides the project. `python` is a version such as `3.11`. `remote` is the name of the
    repository at its origin, `top` tells that the workspace is all of it; both say nothing where there is no repository.
    """

    code: FoundCode
    python: str
    uv_lock: bool = False
    members: tuple[str, ...] = ()
    project: bool = False
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    other_lock: str = ""
    pixi: str = ""
    pixi_lock: bool = False
    conda: str = ""
    dockerfiles: tuple[str, ...] = ()
    place: GitPlace | None = None
    remote: str = ""

    @property
    def anything(self) -> bool:
        """Tell if there is something to begin from."""
        return bool(self.code.paths or self.environment_files or self.dockerfiles)

    @property
    def environment_files(self) -> tuple[str, ...]:
        """The files that tell which packages are needed."""
        named = (("uv.lock", self.uv_lock), (self.other_lock, True), (self.pixi, True), (self.conda, True))
        project = ("pyproject.toml",) if self.project and not self.uv_lock else ()
        return (*(name for name, there in named if name and there), *self.hashed, *project, *self.loose)


def look_around(root: str, python: str) -> Found:
    """Read what is there below a folder; `python` is the version where nothing asks for another one."""
    names = set(os.listdir(root))
    project = _toml(root, "pyproject.toml") if "pyproject.toml" in names else {}
    requirements = list(_requirements(root))
    hashed = tuple(name for name in requirements if "--hash=" in _read(root, name))
    place = _place(root)
    tables = _table(project, "project")
    return Found(
        code=find_code(root),
        python=_python(root, names, tables, hashed, python),
        uv_lock="uv.lock" in names and "pyproject.toml" in names,
        members=_members(_toml(root, "uv.lock")) if "uv.lock" in names else (),
        project=bool(tables.get("dependencies")),
        extras=tuple(sorted(_table(tables, "optional-dependencies"))),
        groups=tuple(sorted(_table(project, "dependency-groups"))),
        hashed=hashed,
        loose=tuple(name for name in requirements if name not in hashed),
        other_lock=next((name for name in OTHER_LOCKS if name in names), ""),
        pixi=_pixi(names, project),
        pixi_lock="pixi.lock" in names,
        conda=next((name for name in ("environment.yml", "environment.yaml", "conda.yaml") if name in names), ""),
        dockerfiles=tuple(_dockerfiles(root)),
        place=place,
        remote=_remote(place) if place is not None and place.top == os.path.realpath(root) else "",
    )


def _pixi(names: set[str], project: dict[str, Any]) -> str:
    if "pixi.toml" in names:
        return "pixi.toml"
    return "pyproject.toml" if "pixi" in _table(project, "tool") else ""


def _requirements(root: str) -> Iterator[str]:
    found = [name for name in os.listdir(root) if _REQUIREMENTS.match(name)]
    if os.path.isdir(f"{root}/requirements"):
        found += [
            f"requirements/{n}" for n in os.listdir(f"{root}/requirements") if n.endswith((".txt", ".lock", ".in"))
        ]
    ranked = sorted(
        found, key=lambda n: (bool(_FOR_OTHERS.search(os.path.basename(n))), not n.endswith(".lock"), len(n), n)
    )
    yield from (name for name in ranked if os.path.isfile(f"{root}/{name}"))


def _dockerfiles(root: str) -> Iterator[str]:
    for folder in (".", "docker", "containers", ".devcontainer"):
        place = os.path.join(root, folder)
        for name in sorted(os.listdir(place)) if os.path.isdir(place) else ():
            if name in ("Dockerfile", "Containerfile") or re.match(r"Dockerfile\.[\w-]+\Z|[\w-]+\.Dockerfile\Z", name):
                yield name if folder == "." else f"{folder}/{name}"


def _members(lock: dict[str, Any]) -> tuple[str, ...]:
    found = []
    packages = lock.get("package", [])
    for package in packages if isinstance(packages, list) else ():
        source = _table(package, "source")
        place = next((source[kind] for kind in ("editable", "directory", "virtual", "path") if kind in source), ".")
        found += [str(place)] if place != "." else []
    return tuple(sorted(found))


def _python(root: str, names: set[str], tables: dict[str, Any], hashed: tuple[str, ...], default: str) -> str:
    if ".python-version" in names:
        said = re.search(r"^(?:cpython-)?(3\.\d{1,2})", _read(root, ".python-version"), re.MULTILINE)
        if said:
            return said[1]
    for lock in hashed[:1]:
        said = _PYTHON_SAID.search(_read(root, lock)[:2000])
        if said:
            return said[1]
    wanted = str(tables.get("requires-python", ""))
    fitting = [f"3.{minor}" for minor in _MINORS if _fits(f"3.{minor}", wanted)]
    return default if default in fitting or not fitting else fitting[0]


def _fits(version: str, requirement: str) -> bool:
    requirement = re.sub(r"==\s*(3\.\d+)\.\*", r"~=\1.0", requirement)
    try:
        # `>=3.10.2` is met by the newest patch of 3.10, and `==3.11.*` by any.
        return not requirement or satisfies(f"{version}.99", requirement)
    except RequirementError:
        return False


def _toml(root: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(root, name))
    except tomllib.TOMLDecodeError:
        return {}


def _table(data: Any, name: str) -> dict[str, Any]:
    table = data.get(name) if isinstance(data, dict) else None
    return table if isinstance(table, dict) else {}


def _read(root: str, name: str) -> str:
    try:
        with open(f"{root}/{name}", encoding="utf-8", errors="replace") as stream:
            return stream.read(_MAX_BYTES)
    except OSError:
        return ""


def _place(root: str) -> GitPlace | None:
    try:
        return find_place(root)
    except HostError:
        return None


def _remote(place: GitPlace) -> str:
    match = _URL.search(_read(place.common_dir, "config"))
    return re.split(r"[/:]", match[1].rstrip("/"))[-1].removesuffix(".git") if match else ""
