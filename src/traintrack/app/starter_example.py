"""The files of a packaged example."""

from __future__ import annotations

import os
import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from traintrack.errors import InternalError, UsageError
from traintrack.label import is_segment

_WORKSPACE_FILE = "TTWORKSPACE.yaml"
_LEFT_OUT = frozenset({"__pycache__", ".git", ".venv"})
_NAME_LINE = re.compile(rb"^workspace:.*$", re.MULTILINE)


def example_files(example: str, name: str | None) -> dict[str, tuple[bytes, bool]]:
    """Map each path of an example to its content and whether it is executable; `name` replaces the workspace's own.

    Raises:
        UsageError: there is no such example.
    """
    folder = _examples() / example
    if not is_segment(example) or not (folder / _WORKSPACE_FILE).is_file():
        known = ", ".join(f"`{item.name}`" for item in _known_examples())
        raise UsageError(f"there is no example `{example}`", code="unknown-example", hint=f"examples: {known}")
    files = _files_below(folder)
    if name is not None:
        data, executable = files[_WORKSPACE_FILE]
        line = f"workspace: {name}".encode()
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
