"""How a task is called and what it finds in its environment (DESIGN 7.1; docs/reference/task-contract.md)."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping
from functools import cache

from traintrack.action.action import Action
from traintrack.runners.contract.stage import Stage

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
MARKER = "TRAINTRACK_ATTEMPT"
"""A variable with a random value per attempt, by which everything that a task started is found again."""

_SUBMODULE = "160000:"
_PYTHON_MODULE = ("python", "-m")


def task_argv(action: Action, stage: Stage) -> list[str]:
    """Return `ENTRYPOINT… TASK CONFIG_YAML OUTPUT_DIRECTORY`; a Python image's own entrypoint is `python -m`."""
    entrypoint = _PYTHON_MODULE if action.entrypoint is None else action.entrypoint
    return [*entrypoint, action.task, stage.config, stage.out]


def find_program(word: str, search_path: str, work: str) -> str | None:
    """Return the path of a program: with a `/` in it from the current folder, else from `search_path`; None if absent."""
    if "/" in word:
        path = os.path.join(work, word)
        return path if os.path.isfile(path) else None
    return shutil.which(word, path=search_path)


class Programs:
    """Finds programs, and remembers where those of a search path are: each task of an image asks for the same."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], str] = {}

    def find(self, word: str, search_path: str, work: str) -> str | None:
        """Return what `find_program` does; what was missing is looked for anew each time."""
        found = self._found.get((word, search_path))
        if found is None:
            found = find_program(word, search_path, work)
            if found is not None and "/" not in word:
                self._found[word, search_path] = found
        return found


def task_environment(
    action: Action,
    stage: Stage,
    *,
    bin_folder: str,
    checkpoints: str,
    gpus: tuple[int, ...],
    secrets: Mapping[str, str],
    marker: str,
) -> dict[str, str]:
    """Return every variable of the task; nothing else is inherited.

    The target's `env` may replace what is only a default (PATH, LANG, TZ, HOME …), never what the contract
    says: the `TRAINTRACK_*` variables and the devices that were granted.
    """
    user = _user()
    defaults = {
        "PATH": f"{bin_folder}:{SYSTEM_PATH}",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": stage.home,
        "TMPDIR": stage.temporary,
        "XDG_CACHE_HOME": stage.cache,
        "USER": user,
        "LOGNAME": user,
    }
    fixed = {
        "TRAINTRACK_ID": action.id,
        "TRAINTRACK_CHECKPOINT_DIR": checkpoints,
        MARKER: marker,
        # An empty list hides every device: a task that did not ask for one must not use a neighbour's.
        "CUDA_VISIBLE_DEVICES": ",".join(str(index) for index in gpus),
    }
    python_path = [*python_folders(action.code, stage.work), action.env.get("PYTHONPATH", "")]
    joined = ":".join(part for part in python_path if part)
    if joined:
        fixed["PYTHONPATH"] = joined
    return {**defaults, **action.env, **secrets, **fixed}


def python_folders(code: Mapping[str, str], work: str) -> list[str]:
    """Return the folders of `paths` below `work` in their order, each once; a file stands for its folder."""
    folders: dict[str, None] = {}
    for path, object_id in code.items():
        folder = os.path.dirname(path) if is_file(object_id) else path
        folders[work if folder in ("", ".") else f"{work}/{folder}"] = None
    return list(folders)


def is_file(object_id: str) -> bool:
    """Tell if an object of `code` is a file (`<mode>:<blob id>`) and not a folder (a tree id, or `160000:<commit>`)."""
    return ":" in object_id and not object_id.startswith(_SUBMODULE)


@cache
def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
