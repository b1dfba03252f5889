"""What a run would stumble over after hours, told before anything starts: GPUs, disk, memory and processors of this machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from traintrack.action.action import Action
from traintrack.app.environment import Environment
from traintrack.errors import HostError, TraintrackError
from traintrack.execute.slots import Capacity

LEAST_FREE_BYTES = 64 << 10
"""With less than this on the disk of the storage not even records and logs have room."""

_ANSWER_TIMEOUT_S = 10.0
_NVIDIA = Path("/proc/driver/nvidia/gpus")
_WORD = re.compile(r"[a-z]+|[0-9]+[a-z]*")


class Machine(Struct, frozen=True):
    """What there is. `gpu_names` is empty where nobody can tell; `free_bytes` is of the disk of the storage at `folder`."""

    capacity: Capacity
    gpu_names: tuple[str, ...]
    free_bytes: int
    folder: str


def demand_can_run(environment: Environment, actions: Sequence[Action], tell: Callable[[str], None]) -> None:
    """Refuse actions that cannot run here; `tell` is given what will run with less than it asks for.

    Raises:
        TraintrackError: the first reason, with all others as details.
    """
    machine = look_at(environment, actions)
    refusals = [*environment.runner.refuse(actions), *cannot_run(machine, actions)]
    if refusals:
        first, rest = refusals[0], [str(one) for one in refusals[1:]]
        details = [*first.details, *rest]
        raise type(first)(first.message, code=first.code, location=first.location, hint=first.hint, details=details)
    for words in runs_with_less(machine, actions):
        tell(words)


def look_at(environment: Environment, actions: Sequence[Action]) -> Machine:
    """Look at this machine; the names of its GPUs only if one of the actions cares."""
    folder = environment.attempts.root.parent
    there = os.statvfs(folder)
    names = _gpu_names() if any(a.resources.gpu and a.resources.gpu_type for a in actions) else ()
    return Machine(environment.capacity, names, there.f_bavail * there.f_frsize, str(folder))


def cannot_run(machine: Machine, actions: Sequence[Action]) -> list[TraintrackError]:
    """Say of all actions what they ask for and cannot get here; empty if all can run."""
    found: list[TraintrackError] = []
    if actions and machine.free_bytes < LEAST_FREE_BYTES:
        found.append(
            HostError(
                f"no space left at `{machine.folder}`: {_size(machine.free_bytes)} is free",
                code="disk-full",
                hint="make room there: traintrack clean --attempts",
            )
        )
    for action in actions:
        found += _refusals(machine, action)
    return found


def runs_with_less(machine: Machine, actions: Sequence[Action]) -> list[str]:
    """Say of which actions the processors or the memory of this machine fall short: each then runs alone."""
    return [
        f"{action.label} asks for {' and '.join(words)}: it runs alone, with what there is"
        for action in actions
        if (words := list(_shortages(machine.capacity, action)))
    ]


def _refusals(machine: Machine, action: Action) -> Iterator[HostError]:
    asked, label = action.resources, action.label
    if asked.gpu > machine.capacity.gpus:
        there = f"there are {machine.capacity.gpus}" if machine.capacity.gpus else "there is none"
        yield HostError(
            f"`{label}` asks for {asked.gpu} GPU{'s' if asked.gpu > 1 else ''} and {there}",
            code="resources",
            hint="take another environment with `--env`, or ask for less: "
            f"traintrack run --set resources.gpu={machine.capacity.gpus} {label}",
        )
    elif asked.gpu and asked.gpu_type and machine.gpu_names and not _any_is(asked.gpu_type, machine.gpu_names):
        yield HostError(
            f"`{label}` asks for a GPU of type `{asked.gpu_type}` and this machine has {_listed(machine.gpu_names)}",
            code="resources",
            hint="take another environment with `--env`, or leave `resources.gpu_type` out",
        )
    if asked.disk_bytes is not None and asked.disk_bytes > machine.free_bytes:
        yield HostError(
            f"`{label}` asks for {_size(asked.disk_bytes)} of disk and {_size(machine.free_bytes)} is free "
            f"at `{machine.folder}`",
            code="resources",
            hint="make room there (traintrack clean --attempts), or lower `resources.disk`",
        )


def _shortages(capacity: Capacity, action: Action) -> Iterator[str]:
    asked = action.resources
    if capacity.cpu is not None and asked.cpu > capacity.cpu:
        yield f"{asked.cpu:g} processors of {capacity.cpu:g}"
    memory = capacity.memory_bytes
    if memory is not None and (asked.memory_bytes or 0) > memory:
        yield f"{_size(asked.memory_bytes or 0)} of memory of {_size(memory)}"


def _any_is(wanted: str, names: Iterable[str]) -> bool:
    """Tell if `a10g` is among names such as `NVIDIA A10G`: by whole words, since an A100 is no A10."""
    asked = _words(wanted)
    return any(
        asked == there[i : i + len(asked)] for name in names if (there := _words(name)) for i in range(len(there))
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(names))


def _gpu_names() -> tuple[str, ...]:
    """Ask the driver; a file of the kernel's costs nothing, the program is there on more machines."""
    try:
        texts = [(card / "information").read_text(encoding="utf-8") for card in sorted(_NVIDIA.iterdir())]
    except OSError:
        return _names_from_program()
    return tuple(line.partition(":")[2].strip() for text in texts for line in text.splitlines() if line[:6] == "Model:")


def _names_from_program() -> tuple[str, ...]:
    words = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_ANSWER_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip())


def _size(size_bytes: int) -> str:
    size, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} {unit}" if size >= 9.95 or unit == "B" else f"{size:.1f} {unit}"
