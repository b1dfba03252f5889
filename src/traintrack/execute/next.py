"""What a step of one target is asked, and what it has found: what the loop should know next."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from traintrack.action.action import Action
from traintrack.action.cell import (
    Failure,
    FreeReason,
    Owner,
    Result,
)
from traintrack.action.file_difference import FileDifference
from traintrack.action.job import JobState
from traintrack.action.plan import Outcome, Reason
from traintrack.digest import ContentDigest
from traintrack.execute.committer import Commit
from traintrack.execute.flight import Consumption, Flight
from traintrack.execute.slots import Grant
from traintrack.ports.storage import Seen


class Stands(Struct, frozen=True):
    """The ID has a result; `changed` tells that its bytes are others than those that stood before.

    `differing` is what came out different in a comparison run.
    """

    result: Result
    outcome: Outcome
    message: str = ""
    flight: Flight | None = None
    changed: bool = False
    differing: tuple[FileDifference, ...] = ()


class Waits(Struct, frozen=True):
    """Another run holds the cell and lives."""

    seen: Seen


class Look(Struct, frozen=True):
    """What a look without a share has found: the cell, what would be consumed, and when (monotonic seconds)."""

    seen: Seen
    consumption: Consumption
    at: float


class NeedsSlot(Struct, frozen=True):
    """It has to be executed, and there was no room yet; `look` spares the next one the reading."""

    look: Look | None = None


class Runs(Struct, frozen=True):
    """An attempt was started; `resumed` tells that a dead holder's flight was taken over.

    `unnoted`: the cell does not name its job yet.
    """

    flight: Flight
    resumed: bool = False
    unnoted: bool = False


class Fails(Struct, frozen=True):
    """The flight is over without a result."""

    failure: Failure
    flight: Flight | None = None
    state: JobState | None = None
    hint: str | None = None
    record: ContentDigest | None = None
    shared_from: Owner | None = None


class Stored(Struct, frozen=True):
    """The bytes are there for consumers of this run; the cell becomes DONE with the next group, then `then` holds."""

    commit: Commit
    then: Stands


Next: TypeAlias = Stored | Stands | Waits | NeedsSlot | Runs | Fails


class Request(Struct, frozen=True):
    """What is to be advanced.

    `forced`: do not reuse. `evict`: why the result `evict_only` must go first; another one that stands
    meanwhile may stay. `waited_flight`: the flight whose failure is shared. `fresh`: no checkpoint is taken up.
    `look`: what the last look has found.
    """

    action: Action
    reason: Reason
    forced: bool = False
    evict: FreeReason | None = None
    evict_only: Result | None = None
    grant: Grant | None = None
    waited_flight: str | None = None
    fresh: bool = False
    look: Look | None = None
