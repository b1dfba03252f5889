"""Labels that a begun word may become: one folder or one file at a time, from the cache of parsed files."""

from __future__ import annotations

import os
import time
from typing import Any

from traintrack.errors import TraintrackError
from traintrack.label import is_package, is_segment
from traintrack.workspace.packages import CONFIG, WORKSPACE, foreign
from traintrack.workspace.parse_cache import load_document

SEARCH_S = 0.06
"""How long folders are searched for experiments; what is not known by then is offered."""


def labels(directory: str, word: str) -> list[str]:
    """Return labels and beginnings of labels that start with `word`, sorted; empty outside a workspace.

    A folder ends with `/`, an experiment with `:`, an axis behind the `@` of a family with `=`. `directory` is where relative labels are read from.
    """
    root, here = _workspace(directory)
    if root is None:
        return []
    sign = "-" if word.startswith("-") else ""
    body = word.removeprefix("-")
    if body in ("", "/"):
        own = [f":{name}" for name in _targets(root, here)] if not body else []
        return [f"{sign}{one}" for one in (*own, "//")]
    is_absolute = body.startswith("//")
    rest, base = (body[2:], "") if is_absolute else (body, here)
    folder, colon, begun = rest.partition(":")
    lead = f"{sign}{'//' if is_absolute else ''}"
    if colon and "@" in begun:
        return [f"{lead}{folder}:{one}" for one in _members(root, _joined(base, folder), begun)]
    if colon:
        names = _targets(root, _joined(base, folder))
        return [f"{lead}{folder}:{name}" for name in names if name.startswith(begun)]
    return [f"{lead}{one}" for one in _folders(root, base, rest)]


def environments(directory: str) -> list[str]:
    """Return the names of the workspace's environments, sorted; empty outside a workspace."""
    root, _ = _workspace(directory)
    if root is None:
        return []
    value = _values(f"{root}/{WORKSPACE}").get("environments")
    return sorted(value) if isinstance(value, dict) else []


def profiles(directory: str) -> dict[str, str]:
    """Return the profiles of the workspace and of the folder's experiment with what they say of themselves, sorted."""
    root, here = _workspace(directory)
    if root is None:
        return {}
    found: dict[str, str] = {}
    for path in (f"{root}/{WORKSPACE}", f"{root}/{_joined(here, CONFIG)}"):
        section = _values(path).get("profiles")
        for name, value in section.items() if isinstance(section, dict) else ():
            about = value.get("description") if isinstance(value, dict) else None
            found[name] = about if isinstance(about, str) else found.get(name, "")
    return dict(sorted(found.items()))


def _workspace(directory: str) -> tuple[str | None, str]:
    """Return the root of the workspace and the package of the folder, `""` at the root."""
    start = os.path.realpath(directory)
    folder = start
    while not os.path.isfile(f"{folder}/{WORKSPACE}"):
        above = os.path.dirname(folder)
        if above == folder:
            return None, ""
        folder = above
    return folder, os.path.relpath(start, folder).replace("\\", "/") if start != folder else ""


def _targets(root: str, package: str) -> list[str]:
    if not is_package(package) or foreign(root, package) is not None:
        return []
    targets = _values(f"{root}/{_joined(package, CONFIG)}").get("targets")
    return sorted(name for name in targets if is_segment(name)) if isinstance(targets, dict) else []


def _members(root: str, package: str, begun: str) -> list[str]:
    if not is_package(package) or foreign(root, package) is not None:
        return []
    from traintrack.cli.completion_members import members  # noqa: PLC0415 - few words have an `@`, all wait for imports

    targets = _values(f"{root}/{_joined(package, CONFIG)}").get("targets")
    name, _, selector = begun.partition("@")
    return [f"{name}@{one}" for one in members(targets, name, selector)] if isinstance(targets, dict) else []


def _values(path: str) -> dict[str, Any]:
    """Return what a file says; nothing if it cannot be read or is wrong."""
    try:
        with open(path, "rb") as file:
            value = load_document(file.read(), os.path.basename(path)).value
    except (OSError, TraintrackError):
        return {}
    return value if isinstance(value, dict) else {}


def _folders(root: str, base: str, rest: str) -> list[str]:
    """Return the folders and experiments that begin with `rest`, as they are written behind `//` or from `base`."""
    above, slash, begun = rest.rpartition("/")
    package = _joined(base, above)
    if not is_package(package) or foreign(root, package) is not None:
        return []
    deadline_s = time.monotonic() + SEARCH_S
    found: list[str] = []
    is_root_begun = not rest and not base
    if is_root_begun and os.path.isfile(f"{root}/{CONFIG}"):
        found.append(":")
    for name in _below(f"{root}/{package}"):
        path = f"{root}/{_joined(package, name)}"
        if not name.startswith(begun) or not is_segment(name) or os.path.isfile(f"{path}/{WORKSPACE}"):
            continue
        if os.path.isfile(f"{path}/{CONFIG}"):
            found.append(f"{above}{slash}{name}:")
        if _has_experiment_below(path, deadline_s):
            found.append(f"{above}{slash}{name}/")
    return sorted(found)


def _has_experiment_below(folder: str, deadline_s: float) -> bool:
    waiting = [f"{folder}/{name}" for name in _below(folder)]
    while waiting:
        if time.monotonic() > deadline_s:
            return True
        path = waiting.pop()
        if os.path.isfile(f"{path}/{WORKSPACE}"):
            continue
        if os.path.isfile(f"{path}/{CONFIG}"):
            return True
        waiting += [f"{path}/{name}" for name in _below(path)]
    return False


def _below(folder: str) -> list[str]:
    """Return the names of the folders that may be packages, sorted."""
    try:
        with os.scandir(folder) as entries:
            return sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder and name else folder or name
