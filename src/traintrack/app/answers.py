"""What the use cases answer, as values: the terminal and `--json` are two views of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from traintrack.action.plan import Decision, Outcome, Reason
from traintrack.app.except_edit import ExceptEdit
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.errors import HostError, InputError, Location, TraintrackError


class HashedTarget(Struct, frozen=True):
    """A label with its ID and the canonical pre-image behind it."""

    label: str
    id: TargetId
    preimage: bytes


class PlannedTarget(Struct, frozen=True):
    """A row of `run -n`: what would be done and why. `reason_text` is that reason as one line."""

    label: str
    id: TargetId
    decision: Decision
    reason: Reason
    reason_text: str
    expected_s: float | None = None


class RanTarget(Struct, frozen=True):
    """A row of a run's report. `duration_s` is the time of the task and its storing in this run, 0 when reused."""

    label: str
    id: TargetId
    outcome: Outcome
    reason: Reason
    reason_text: str
    attempts: int = 0
    duration_s: float = 0.0
    artifact: ArtifactDigest | None = None
    failure: str | None = None
    message: str = ""
    log: str | None = None


class RunReport(Struct, frozen=True):
    """What a run did: a row per label of the plan, in order; `requested` are the labels asked for.

    `path_of` finds the local folder of a requested label's artifact, None if there is none. `saved_s` is the recorded time of what
    was reused. `new_pins` are the lock entries that were added, as text. `excepts` say what may be left out to go on
    without what failed. `profile` lay over the targets.
    """

    run: str
    environment: str
    storage: str
    targets: tuple[RanTarget, ...]
    requested: tuple[str, ...]
    duration_s: float
    interrupted: bool = False
    saved_s: float = 0.0
    path_of: Callable[[str], Path | None] = lambda _: None
    new_pins: tuple[str, ...] = ()
    excepts: tuple[ExceptEdit, ...] = ()
    profile: str | None = None


class PulledTarget(Struct, frozen=True):
    """A label with the local path of its artifact, or of the copy that was made."""

    label: str
    id: TargetId
    path: Path


class ListedTarget(Struct, frozen=True):
    """A row of `ls`: `kind` is the task command, or `source`."""

    label: str
    kind: str
    image: str
    place: Location
    description: str = ""
    tags: tuple[str, ...] = ()


class FieldShown(Struct, frozen=True):
    """A merged field of `show`: dotted `path`, value, the place that wrote it and the layer's name.

    `written` is what stands there as YAML, where that has holes which were filled.
    """

    path: str
    value: Any
    place: Location
    origin: str
    written: str | None = None


class ShownTarget(Struct, frozen=True):
    """The resolved definition of a target, and what it depends on and what depends on it in this workspace's request.

    `url` is where the files of its result lie in a bucket under their own names. `kept` are the files that can still be
    read of a result whose bytes were removed. `coordinates` are those of a member by axis, by name.
    """

    label: str
    id: TargetId | None
    place: Location
    fields: tuple[FieldShown, ...]
    inputs: tuple[tuple[str, str], ...] = ()
    preimage: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] | None = None
    path: Path | None = None
    origin: str | None = None
    url: str | None = None
    kept: tuple[str, ...] = ()
    coordinates: Mapping[str, str] = field(default_factory=dict)


class TargetStatus(Struct, frozen=True):
    """A row of `status`: `state` is one of `cached`, `missing`, `running`, `failed`, `stale`.

    `stale`: another ID of this label has a result, this one has not. `since` in ISO 8601, for people. `home` is the
    storage that has the bytes, where that is another one.
    """

    label: str
    id: TargetId
    state: str
    detail: str = ""
    since: str = ""
    size_bytes: int | None = None
    home: str | None = None


class Cause(Struct, frozen=True):
    """One difference between two pre-images, down to the place that made it.

    `field` is dotted (`args.epochs`); `old` and `new` are values, or IDs for an input. `causes` are those of the
    input whose ID changed. `change` is `commit author date subject` of the line, if it is committed. `note` is
    what else is to be said: the commits behind a tree, or why there are no further causes. `old_label` is the input of
    before where that was another target.
    """

    field: str
    old: Any
    new: Any
    place: Location | None = None
    change: str | None = None
    input_label: str | None = None
    causes: tuple[Cause, ...] = ()
    note: str | None = None
    old_label: str | None = None


class WhyAnswer(Struct, frozen=True):
    """Why a target ran, will run, is cached or waits.

    `now` says it in one line; `compared_with` names the run and time of the last record, `causes` the differences.
    `last_reason` is the reason recorded when it ran last, as text, `origin` says whose result it is where it was made
    elsewhere.
    """

    label: str
    id: TargetId
    now: str
    old_id: TargetId | None = None
    compared_with: str | None = None
    causes: tuple[Cause, ...] = ()
    unchanged: tuple[str, ...] = ()
    last_reason: str | None = None
    origin: str | None = None


class LogAnswer(Struct, frozen=True):
    """The log of a target's newest attempt, or of the one asked for; `path` is a local file, still growing if `live`.

    `holder` says where it grows, as user@host, if that is another machine: `path` is a copy that grows when it is asked
    for again.
    """

    label: str
    run: str
    attempt: int
    outcome: str
    path: Path
    live: bool = False
    holder: str = ""


class CheckReport(Struct, frozen=True):
    """What `check` looked at, the errors it found (sorted by place), and what it would like to be different.

    `stale` are the sources that `--fresh` found old, moved or out of reach.
    """

    experiments: int
    targets: int
    errors: tuple[InputError, ...] = ()
    warnings: tuple[InputError, ...] = ()
    stale: tuple[TraintrackError, ...] = ()


class LockedPin(Struct, frozen=True):
    """A pin that was added to a lock file (or would be): `kind` is `tree`, `lock`, `image`, `source` or `ref`."""

    lock_path: str
    kind: str
    name: str
    value: str
    old: str | None = None


class Missing(Struct, frozen=True):
    """A pin that cannot be had, with the reason; the error is the host's where trying again may help."""

    lock_path: str
    kind: str
    name: str
    error: InputError | HostError


class MovedTag(Struct, frozen=True):
    """A pinned tag that points elsewhere by now. Where nobody could tell, `now` is None and `error` says why."""

    lock_path: str
    kind: str
    name: str
    pinned: str
    now: str | None
    error: InputError | HostError | None = None


class LockReport(Struct, frozen=True):
    """What `lock` did. `changed` are the labels whose IDs an update changes; `moved` is looked for by a check only."""

    added: tuple[LockedPin, ...] = ()
    missing: tuple[Missing, ...] = ()
    changed: tuple[str, ...] = ()
    moved: tuple[MovedTag, ...] = ()


class InitNote(Struct, frozen=True):
    """A line of what `init` thought: `kind` is `found`, `chose` or `note`."""

    kind: str
    text: str


class InitReport(Struct, frozen=True):
    """What `init` wrote, or would (paths relative to `root`, sorted), why, and the commands to go on with."""

    root: Path
    files: tuple[str, ...]
    next_steps: tuple[str, ...]
    notes: tuple[InitNote, ...] = ()


class CleanReport(Struct, frozen=True):
    """What `clean` removed (or would): paths, and how many bytes."""

    removed: tuple[str, ...]
    size_bytes: int
    dry_run: bool = False


class Diagnosis(Struct, frozen=True):
    """A line of `doctor`: `state` is `ok`, `warning` or `problem`."""

    name: str
    state: str
    detail: str
    hint: str = ""


class HistoryLine(Struct, frozen=True):
    """A line of a label's history or of a run, as `log` shows it."""

    run: str
    time: str
    outcome: str
    id: TargetId
    record: ContentDigest | None = None
    label: str = ""
