"""What happens in a run, as values: the terminal, `--json`, `--events` and the run document are views of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from traintrack.action.plan import Decision, Outcome, Plan, Reason
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins to carry out `plan`."""

    run: str
    plan: Plan
    environment: str = ""


@dataclass(frozen=True, slots=True)
class TargetStarted:
    """An attempt of a target began; `attempt` counts from 1."""

    id: TargetId
    label: str
    attempt: int
    reason: Reason
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class TargetProgress:
    """The attempt under way came to another phase (`staging`, `running`, `storing`), or told something of itself.

    `text` is the newest line of its `progress.json`, empty as long as there is none.
    """

    id: TargetId
    label: str
    phase: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class TargetWaiting:
    """Another run holds the target: who, since when (ISO 8601), in which phase."""

    id: TargetId
    label: str
    user: str
    host: str
    run: str
    since: str
    phase: str


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt failed; `retry_in_s` is None if it is not tried again."""

    id: TargetId
    label: str
    attempt: int
    failure: str
    message: str
    retry_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know: a take-over, an orphan that was stopped, bytes that were healed."""

    message: str
    id: TargetId | None = None
    level: str = "note"


@dataclass(frozen=True, slots=True)
class TargetFinished:
    """A target ended. `because` names the labels that block it, or says whose result is shared."""

    id: TargetId
    label: str
    outcome: Outcome
    reason: Reason
    duration_s: float = 0.0
    attempts: int = 0
    artifact: ArtifactDigest | None = None
    record: ContentDigest | None = None
    failure: str | None = None
    message: str = ""
    hint: str | None = None
    exit_code: int | None = None
    log: str | None = None
    log_tail: tuple[str, ...] = ()
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run is over; `interrupted` tells that it was asked to stop."""

    run: str
    duration_s: float
    outcomes: Mapping[str, int] = field(default_factory=dict)
    interrupted: bool = False


Event: TypeAlias = (
    RunStarted | TargetStarted | TargetProgress | TargetWaiting | AttemptFailed | Notice | TargetFinished | RunFinished
)

RUN_FORMAT = "traintrack/run/1"


@dataclass(frozen=True, slots=True)
class RunTarget:
    """A target in a run document."""

    label: str
    id: TargetId
    outcome: str
    decision: str = Decision.EXECUTE.value
    reason: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    duration_s: float = 0.0
    record: ContentDigest | None = None
    log: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class RunDocument:
    """What a run did, one row per target in order; written at its end. Times in ISO 8601 (UTC)."""

    run: str
    workspace: str
    environment: str
    user: str
    host: str
    started: str
    ended: str
    command: str
    targets: tuple[RunTarget, ...]
    interrupted: bool = False
    format: str = field(default=RUN_FORMAT)
