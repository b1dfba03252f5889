"""A task that imports what its `paths` do not hold: which file it is, and the line to change."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from traintrack.action.action import Action
from traintrack.action.image import PythonImage
from traintrack.action.job import JobState
from traintrack.app.project import Project
from traintrack.errors import Location, TraintrackError
from traintrack.label import parse_label

_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([A-Za-z_][\w.]*)'")
_NO_TASK = re.compile(r": (?:No module named|Error while finding module specification for) '?([A-Za-z_][\w.]*)'?")
_SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})
_MAX_FOLDERS = 5_000


def where_module_lies(action: Action, state: JobState, project: Project) -> str | None:
    """Return a hint if the task missed a module that lies in the workspace but not in the target's `paths`."""
    name = _missed(state.log_tail)
    if name is None or not isinstance(action.image, PythonImage):
        return None
    first = name.partition(".")[0]
    for found in _candidates(project.workspace.root, first):
        folder = found.parent.as_posix()
        if not any(_covers(path, found.as_posix()) for path in action.code):
            return _hint(action, project, name, found.as_posix(), folder)
    return None


def _missed(log_tail: Iterable[str]) -> str | None:
    for line in reversed(tuple(log_tail)):
        match = _NO_MODULE.search(line) or _NO_TASK.search(line)
        if match:
            return match[1]
    return None


def _candidates(root: Path, module: str) -> Iterator[Path]:
    """Yield files and folders of the workspace that could be imported under this name, nearest the root first."""
    for folder, folders, files in itertools.islice(os.walk(root), _MAX_FOLDERS):
        folders[:] = sorted(d for d in folders if not d.startswith(".") and d not in _SKIPPED)
        here = Path(folder).relative_to(root)
        if f"{module}.py" in files:
            yield here / f"{module}.py"
        if module in folders:
            yield here / module


def _covers(path: str, file: str) -> bool:
    return path in (".", file) or file.startswith(f"{path}/")


def _hint(action: Action, project: Project, module: str, file: str, folder: str) -> str:
    wanted = folder if folder != "." else file
    place = _place_of_paths(action, project)
    where = f" in {place.path}:{place.line}" if place else ""
    now = ", ".join(action.code) or "nothing"
    return f"`{module}` is {file}, which is not in `paths` ({now}); add `{wanted}` to `paths`{where}"


def _place_of_paths(action: Action, project: Project) -> Location | None:
    try:
        label = parse_label(action.provenance.label)
        return project.loader.experiment(label.package).targets[label.name].place_of("paths")
    except (TraintrackError, ValueError, KeyError):
        return None
