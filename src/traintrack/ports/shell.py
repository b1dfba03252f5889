"""What a task finds around it, laid out for a person to look into; an addition to `Runner` where it can."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from traintrack.action.job import Job


class ShellRequest(Struct, frozen=True):
    """A job whose surroundings are wanted. `job.checkpoint` is copied, never used up.

    `partial` is what a failed attempt had written. `line` is a command for a shell, None for one that a person types
    into. `terminal` is the kind of the terminal (TERM), None if there is none.
    """

    job: Job
    partial: Path | None = None
    line: str | None = None
    terminal: str | None = None


class Surroundings(Struct, frozen=True):
    """Where all lies, in the words of the task (in a container: its own paths), and what opens a shell there.

    `command` is to be executed with exactly `variables` (None: those of the caller) in `folder`, the task's current one
    (None: wherever the caller is). `task` is what repeats the task.
    """

    command: tuple[str, ...]
    variables: Mapping[str, str] | None
    folder: str | None
    config: str
    output: str
    checkpoints: str
    task: tuple[str, ...]


class LaidOut(Protocol):
    """Surroundings that exist until they are removed."""

    @property
    def surroundings(self) -> Surroundings:
        """Where all lies."""

    def changed_input(self) -> str | None:
        """Name the first file of an input that is not as it was, None if all are."""

    def remove(self) -> None:
        """End what still runs there and remove everything; repeating it is harmless.

        Raises:
            HostError: a process cannot be ended.
        """


@runtime_checkable
class LaysOut(Protocol):
    """A runner that can lay out what a task would find, without running it."""

    def lay_out(self, request: ShellRequest) -> LaidOut:
        """Lay out the surroundings of a job; nothing of it is noted as a job.

        Raises:
            TraintrackError: the image, the code, an input or a secret is not there.
        """
