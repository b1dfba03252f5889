"""Whether a cell, its record and its file list speak of one and the same result: pure, from their bytes."""

from __future__ import annotations

import json

import msgspec

from traintrack.action.cell import Result
from traintrack.action.manifest import Manifest, read_manifest
from traintrack.action.record import Record, decode_record
from traintrack.digest import NotCanonicalError, TargetId, canonical_json, target_id
from traintrack.errors import IntegrityError


def judge_record(id_: TargetId, result: Result, data: bytes | None) -> Record | str:
    """Return the record of a result that stands for an ID, or in words why it cannot be that.

    The ID is computed anew from the pre-image in the record: what it claims to be is not believed.
    """
    if data is None:
        return "its record is missing"
    try:
        record = decode_record(data)
    except IntegrityError:
        return "its record cannot be read"
    if record.id != id_:
        return f"its record is of another target, {record.id[:12]}"
    if _computed(record) != id_:
        return "the recipe in its record has another ID"
    if record.outcome != "success":
        return "its record tells of a failure"
    if record.artifact != result.artifact:
        return "its record tells of another artifact"
    return record


def judge_manifest(result: Result, record: Record, data: bytes | None) -> Manifest | str:
    """Return the file list of a result, or in words why it cannot be that."""
    if data is None:
        return "its file list is missing"
    try:
        manifest = read_manifest(data)
    except IntegrityError:
        return "its file list cannot be read"
    if manifest.digest() != result.artifact:
        return "its file list is that of another artifact"
    if (manifest.files, manifest.size_bytes) != (record.files, record.size_bytes):
        return "its record counts other files than its file list"
    return manifest


def judge_metrics(record: Record, data: bytes) -> str | None:
    """Say why a record cannot tell of these metrics; `data` is the artifact's own `metrics.json`."""
    try:
        # As a record is made and read: what JSON has no words for becomes None.
        found = msgspec.json.decode(msgspec.json.encode(json.loads(data, parse_constant=lambda _: None)))
    except (ValueError, RecursionError):
        found = None
    return None if found == record.metrics else "its record tells of other metrics than its `metrics.json`"


def _computed(record: Record) -> TargetId | None:
    try:
        return target_id(canonical_json(record.preimage))
    except NotCanonicalError:
        return None
