"""Whether a result has what its record tells: the file list, where the files lie, the metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from traintrack.action.cell import Result
from traintrack.action.manifest import EntryType, Manifest
from traintrack.action.record import Record
from traintrack.errors import IntegrityError, NotFoundError
from traintrack.ports.storage import Storage
from traintrack.storages.trust.judge import judge_manifest, judge_metrics

METRICS: Final = "metrics.json"


class Contents(Struct, frozen=True):
    """A result whose record and file list fit it."""

    result: Result
    record: Record
    manifest: Manifest


Check: TypeAlias = Callable[[Contents], str | None]
"""Says in words what else does not fit, None if all does."""


def contents_contradiction(storage: Storage, checks: Sequence[Check], result: Result, record: Record) -> str | None:
    """Say why the file list of a result cannot be its own, or what the checks have found; None if all fits.

    Raises:
        HostError: something cannot be read.
    """
    try:
        data = storage.kept.get(result.manifest)
    except IntegrityError:
        return "its file list has other bytes than its name says"
    manifest = judge_manifest(result, record, data)
    if isinstance(manifest, str):
        return manifest
    contents = Contents(result, record, manifest)
    return next((words for check in checks if (words := check(contents)) is not None), None)


def metrics_contradiction(storage: Storage, contents: Contents) -> str | None:
    """Say why the metrics in a record cannot be those of its artifact; brings at most that one file here.

    A record that was edited and stored under its new name fits the cell that names it, but not the artifact.

    Raises:
        HostError: it cannot be read.
    """
    if contents.record.metrics is None:
        return None
    if not any(entry.path == METRICS and entry.type is EntryType.FILE for entry in contents.manifest.entries):
        return "its record tells of metrics, and it has no `metrics.json`"
    wrong = storage.artifacts.fetch(contents.result, METRICS)
    if wrong is not None:
        return wrong
    try:
        data = storage.artifacts.path(contents.result.artifact, METRICS).read_bytes()
    except (NotFoundError, FileNotFoundError):
        return None  # The cache was cleaned at this moment.
    return judge_metrics(contents.record, data)
