"""What a task left behind: judged, listed and made ready to be published."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from traintrack.action.action import Action
from traintrack.action.failure import FailureClass
from traintrack.action.job import Output
from traintrack.errors import TaskError
from traintrack.ports.storage import Staging
from traintrack.runners.contract.ending import AttemptFailedError, Ending
from traintrack.runners.contract.inputs import StagedInput, first_change

MAX_METRICS_BYTES = 1 << 20
_MAX_PROGRESS_BYTES = 1 << 16


def collect(action: Action, out: str, inputs: Sequence[StagedInput], staging: Staging) -> Output:
    """Check what a task that exited with 0 has left, and return it, still where it was written.

    Raises:
        AttemptFailedError: an input was changed, the output is refused or empty, or a declared output is missing.
        HostError: the output cannot be read.
    """
    _check_inputs(inputs)
    if not _is_folder(out):
        raise _failed("the task removed OUTPUT_DIRECTORY", "write into the folder, do not replace it")
    try:
        manifest = staging.scan(Path(out))
    except TaskError as error:
        raise AttemptFailedError(Ending(FailureClass.TASK, error.message, error.hint, error.details)) from error
    if not manifest.entries:
        raise _failed(
            "the task succeeded but left OUTPUT_DIRECTORY empty",
            "write the results to the path that is the last argument; a task without any may write an empty file",
        )
    missing = [f"`{path}`" for path in action.outputs.values() if manifest.part(path) is None]
    if missing:
        raise _failed(
            f"the task succeeded but did not write {', '.join(missing)}",
            "write what `outputs` declares, or take it out of there",
        )
    return Output(out, manifest, read_metrics(out) if manifest.part("metrics.json") is not None else None)


def read_metrics(out: str) -> Mapping[str, Any] | None:
    """Return the content of `metrics.json`; None unless it is a JSON object of at most 1 MiB.

    What JSON has no words for (NaN, infinities) becomes None.
    """
    return _read_object(f"{out}/metrics.json", MAX_METRICS_BYTES)


def read_progress(out: str) -> str | None:
    """Return what `progress.json` says, in words; None if there is nothing to say.

    Its keys, all optional: `message`, `step` with `total`, `fraction` (0 to 1).
    """
    found = _read_object(f"{out}/progress.json", _MAX_PROGRESS_BYTES) or {}
    step, total, fraction, message = (found.get(key) for key in ("step", "total", "fraction", "message"))
    words = []
    if isinstance(step, int | float) and isinstance(total, int | float):
        words.append(f"{step:g}/{total:g}")
    elif isinstance(fraction, int | float):
        words.append(f"{fraction:.0%}")
    if isinstance(message, str) and message:
        words.append(" ".join(message.split())[:200])
    return " ".join(words) or None


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _read_object(path: str, limit: int) -> dict[str, Any] | None:
    try:
        # The file may still be written, or be a pipe that nobody writes to.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > limit:
                return None
            found = json.loads(file.read(limit + 1), parse_constant=lambda _: None)
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _check_inputs(inputs: Sequence[StagedInput]) -> None:
    change = first_change(inputs)
    if change is None:
        return
    item, path = change
    argument = ".".join(str(part) for part in item.arg_path)
    what = f"`{path}` in the input `{argument}`" if path else f"the input `{argument}`"
    raise _failed(f"the task changed {what}", "inputs are read-only: copy what is to be changed into TMPDIR first")


def _failed(message: str, hint: str) -> AttemptFailedError:
    return AttemptFailedError(Ending(FailureClass.TASK, message, hint))
