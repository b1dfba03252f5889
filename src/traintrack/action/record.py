"""Immutable JSON about one execution; kept when bytes are evicted. Specified in docs/reference/record.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from traintrack.action.keep import Keep
from traintrack.action.placing import Placing
from traintrack.action.stored import decode_stored, is_too_deep, may_be_too_deep
from traintrack.digest import ActionKey, ArtifactDigest, ContentDigest, TargetId
from traintrack.errors import IntegrityError

RECORD_FORMAT = "traintrack/record/1"

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class InputRead(Struct, frozen=True):
    """An input as it was consumed: its ID, the part of it, and the digest of the whole and of that part."""

    id: TargetId
    artifact: ArtifactDigest
    content: ArtifactDigest
    arg: str
    subpath: str | None = None
    label: str = ""


class Timings(Struct, frozen=True):
    """Wall-clock times in ISO 8601 (UTC), for people; durations in seconds from a monotonic clock."""

    started: str = ""
    ended: str = ""
    staging_s: float = 0.0
    task_s: float = 0.0
    publishing_s: float = 0.0


class Usage(Struct, frozen=True):
    """What the task used, None where the runner cannot tell."""

    user_cpu_s: float | None = None
    system_cpu_s: float | None = None
    peak_memory_bytes: int | None = None


class AttemptNote(Struct, frozen=True):
    """One attempt of an execution. `failure` is a failure class, None after a success."""

    number: int
    failure: str | None = None
    message: str = ""
    exit_code: int | None = None
    duration_s: float = 0.0
    log: str | None = None


class Isolation(Struct, frozen=True):
    """What was enforced around the task, what was only checked, and what this runner cannot give; words of DESIGN 7.1."""

    enforced: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Who(Struct, frozen=True):
    """Who executed it, where, in which run; `profile` is the one that the run laid over its targets, empty for none."""

    user: str = ""
    host: str = ""
    run: str = ""
    traintrack: str = ""
    profile: str = ""


class Record(Struct, frozen=True):
    """What is known about one execution, a success or a failure.

    `preimage` is the canonical JSON whose SHA-256 is `id`, as data. `reason` says why it ran, as data.
    `early_cutoff` names the ID whose result was taken over without running. `metrics` is the content of a
    small `metrics.json`, `unhashed` the arguments that were delivered and are not in the pre-image, `previous` the record that stood for the ID before this one.
    `keep` is how long the bytes were to be kept, and `layout` how they were to lie in a bucket, as it was said then.
    """

    id: TargetId
    preimage: Mapping[str, Any]
    label: str
    place: str
    workspace: str
    who: Who
    action_key: ActionKey | None = None
    outcome: str = "success"
    artifact: ArtifactDigest | None = None
    manifest: ContentDigest | None = None
    files: int = 0
    size_bytes: int = 0
    inputs: tuple[InputRead, ...] = ()
    needs: tuple[TargetId, ...] = ()
    runner: str = ""
    image: str = ""
    platform: str = ""
    device: str | None = None
    isolation: Isolation = field(default_factory=Isolation)
    asked: Mapping[str, Any] = field(default_factory=dict)
    used: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)
    attempts: tuple[AttemptNote, ...] = ()
    reason: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    workspace_commit: str | None = None
    early_cutoff: TargetId | None = None
    flight: str = ""
    unhashed: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] | None = None
    previous: ContentDigest | None = None
    keep: Keep | None = None
    layout: Placing = Placing.PACKED
    format: str = field(default=RECORD_FORMAT)


def encode_record(record: Record) -> bytes:
    """Return the JSON bytes of a record; their BLAKE3 is its key."""
    return msgspec.json.encode(record)


def decode_record(data: bytes) -> Record:
    """Read a stored record.

    Raises:
        IntegrityError: it is damaged or of another format.
    """
    try:
        record = decode_stored(data, Record)
    except msgspec.MsgspecError as error:
        raise IntegrityError(f"a record cannot be read: {error}", code="record-damaged") from error
    if record.format != RECORD_FORMAT:
        raise IntegrityError(f"a record has the unknown format `{record.format}`", code="record-format")
    if may_be_too_deep(data) and is_too_deep(record.preimage, record.asked, record.reason, record.metrics):
        raise IntegrityError("a record is nested too deep", code="record-damaged")
    if not _DIGEST.match(record.id):
        raise IntegrityError("a record has no ID", code="record-damaged")
    return record
