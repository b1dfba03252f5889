"""What happens in a run, as values: the terminal, `--json`, `--events` and the run document are views of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct, field

from traintrack.action.file_difference import FileDifference
from traintrack.action.keep import Keep
from traintrack.action.plan import Decision, Outcome, Plan, Reason
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId


class RunStarted(Struct, frozen=True):
    """A run begins to carry out `plan`; `profile` is the one that lies over its targets, empty for none."""

    run: str
    plan: Plan
    environment: str = ""
    profile: str = ""


class TargetStarted(Struct, frozen=True):
    """An attempt of a target began; `attempt` counts from 1."""

    id: TargetId
    label: str
    attempt: int
    reason: Reason
    resumed: bool = False


class TargetProgress(Struct, frozen=True):
    """The attempt under way came to another phase (`staging`, `running`, `storing`), or told something of itself.

    `text` is the newest line of its `progress.json`, empty as long as there is none.
    """

    id: TargetId
    label: str
    phase: str
    text: str = ""


class TargetWaiting(Struct, frozen=True):
    """Another run holds the target: who, since when (ISO 8601), in which phase; told anew when something of it changes.

    `progress` is what its task last said of itself, empty as long as nothing is known of it here.
    """

    id: TargetId
    label: str
    user: str
    host: str
    run: str
    since: str
    phase: str
    progress: str = ""


class AttemptFailed(Struct, frozen=True):
    """An attempt failed; `retry_in_s` is None if it is not tried again."""

    id: TargetId
    label: str
    attempt: int
    failure: str
    message: str
    retry_in_s: float | None = None


class Notice(Struct, frozen=True):
    """Something that a person should know: a take-over, an orphan that was stopped, bytes that were healed.

    `level` is `note`, `warning`, or `command`: the engine's command line for a task, told with `-v`.
    """

    message: str
    id: TargetId | None = None
    level: str = "note"


class TargetFinished(Struct, frozen=True):
    """A target ended. `because` names the labels that block it, or says whose result is shared.

    `differing` is what came out different when a result that stands was compared (`run --force`).
    """

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
    differing: tuple[FileDifference, ...] = ()


class RunFinished(Struct, frozen=True):
    """A run is over; `interrupted` tells that it was asked to stop."""

    run: str
    duration_s: float
    outcomes: Mapping[str, int] = field(default_factory=dict)
    interrupted: bool = False


Event: TypeAlias = (
    RunStarted | TargetStarted | TargetProgress | TargetWaiting | AttemptFailed | Notice | TargetFinished | RunFinished
)

RUN_FORMAT = "traintrack/run/1"


class RunTarget(Struct, frozen=True):
    """A target in a run document. `keep` is what was said when it ran."""

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
    keep: Keep | None = None


class RunDocument(Struct, frozen=True):
    """What a run did, one row per target in order; written at its end. Times in ISO 8601 (UTC).

    `profile` is the one that lay over the targets, empty for none.
    """

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
    profile: str = ""
    format: str = field(default=RUN_FORMAT)
