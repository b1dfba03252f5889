"""What a runner is given and what it says back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NewType

from msgspec import Struct, field

from traintrack.action.action import Action, Deliver, Origin, Resources
from traintrack.action.failure import FailureClass
from traintrack.action.manifest import Manifest
from traintrack.action.placing import Placing
from traintrack.action.record import Isolation, Timings, Usage
from traintrack.digest import ArtifactDigest

Handle = NewType("Handle", str)
"""A runner's own small JSON that finds a job again, from any process."""


class JobInput(Struct, frozen=True):
    """An input of a job: `artifact` is the whole, `subpath` the part that goes to `arg_path`.

    With an `origin` the bytes are not in the storage, and `artifact` is only what they are pinned to.
    """

    arg_path: tuple[str | int, ...]
    folder: str
    artifact: ArtifactDigest
    subpath: str | None = None
    deliver: Deliver = Deliver.COPY
    origin: Origin | None = None


class Job(Struct, frozen=True):
    """One attempt of one flight. `checkpoint` is the key of a sealed checkpoint to start from.

    `resumed`: another run began the flight, and may have left things of it on this machine.

    `attempt` counts from 1 within the flight. `gpus` are the indices of the devices granted. `secrets` maps
    a secret's name to its value; it is never stored and not part of the value's text.
    """

    flight: str
    attempt: int
    action: Action
    inputs: tuple[JobInput, ...]
    resources: Resources
    run: str = ""
    checkpoint: str | None = None
    resumed: bool = False
    gpus: tuple[int, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Job({self.action.label}, flight={self.flight!r}, attempt={self.attempt})"


class JobPhase(str, Enum):
    """Where a job is."""

    STAGING = "staging"
    RUNNING = "running"
    STORING = "storing"
    FINISHED = "finished"
    GONE = "gone"


class Output(Struct, frozen=True):
    """A finished output, complete and hashed, not yet visible under any ID.

    `staged` is where it lies, in words that the storage it was staged in understands. `placing` is how it is to lie where
    there are no folders.
    """

    staged: str
    manifest: Manifest
    metrics: Mapping[str, object] | None = None
    placing: Placing = Placing.PACKED


class JobState(Struct, frozen=True):
    """What is known of a job. `output` is set after a success, `failure` after a failure; `message` is one line.

    `command` is what would start the same by hand, where that can be said. `missing_module` is what a Python task looked for in vain, so that one who knows the repository can say where it is.
    """

    phase: JobPhase
    failure: FailureClass | None = None
    message: str = ""
    hint: str | None = None
    exit_code: int | None = None
    output: Output | None = None
    log: str | None = None
    log_tail: tuple[str, ...] = ()
    checkpoint: str | None = None
    isolation: Isolation = field(default_factory=Isolation)
    timings: Timings = field(default_factory=Timings)
    usage: Usage = field(default_factory=Usage)
    image: str = ""
    platform: str = ""
    device: str | None = None
    progress: str | None = None
    command: str = ""
    missing_module: str | None = None


class Capabilities(Struct, frozen=True):
    """What a runner enforces, checks or cannot give, in the words of DESIGN 7.1; shown in the plan and recorded."""

    name: str
    images: frozenset[str]
    isolation: Isolation
