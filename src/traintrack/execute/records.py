"""Makes the record of an execution from what is known when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traintrack.action.cell import Result
from traintrack.action.job import JobState
from traintrack.action.plan import Reason
from traintrack.action.record import Record, Who
from traintrack.digest import ContentDigest, TargetId
from traintrack.execute.flight import Flight


def record_of(flight: Flight, state: JobState, who: Who, runner: str, result: Result | None) -> Record:
    """Return the record of a flight that ended with `state`; `result` is what it made, None after a failure."""
    action, asked = flight.action, flight.resources
    recipe = action.recipe
    output = state.output
    return Record(
        id=action.id,
        preimage=recipe,
        label=action.provenance.label,
        place=action.provenance.place,
        workspace=action.provenance.workspace,
        who=who,
        action_key=flight.consumption.key,
        outcome="success" if result else "failure",
        artifact=result.artifact if result else None,
        manifest=result.manifest if result else None,
        files=output.manifest.files if result and output else 0,
        size_bytes=output.manifest.size_bytes if result and output else 0,
        inputs=flight.consumption.inputs,
        needs=action.needs,
        runner=runner,
        image=state.image,
        platform=state.platform,
        device=state.device,
        isolation=state.isolation,
        asked={
            "cpu": asked.cpu,
            "memory_bytes": asked.memory_bytes,
            "gpu": asked.gpu,
            "gpu_type": asked.gpu_type,
            "timeout_s": action.timeout_s,
            "network": action.network,
        },
        used=state.usage,
        timings=state.timings,
        attempts=tuple(flight.notes),
        reason=reason_data(flight.reason),
        commit=action.provenance.commit,
        workspace_commit=action.provenance.workspace_commit,
        flight=flight.name,
        unhashed=action.beside(recipe),
        metrics=output.metrics if result and output else None,
        previous=_previous(flight),
        keep=action.keep,
        layout=action.placing,
    )


def cutoff_record(flight: Flight, who: Who, result: Result, source: TargetId, origin: Record) -> Record:
    """Return the record of an ID that gets the artifact of `source` without running."""
    action = flight.action
    recipe = action.recipe
    return Record(
        id=action.id,
        preimage=recipe,
        label=action.provenance.label,
        place=action.provenance.place,
        workspace=action.provenance.workspace,
        who=who,
        action_key=flight.consumption.key,
        artifact=result.artifact,
        manifest=result.manifest,
        files=origin.files,
        size_bytes=origin.size_bytes,
        inputs=flight.consumption.inputs,
        needs=action.needs,
        runner=origin.runner,
        image=origin.image,
        platform=origin.platform,
        device=origin.device,
        isolation=origin.isolation,
        timings=origin.timings,
        reason=reason_data(flight.reason),
        commit=action.provenance.commit,
        workspace_commit=action.provenance.workspace_commit,
        early_cutoff=source,
        flight=flight.name,
        unhashed=action.beside(recipe),
        metrics=origin.metrics,
        previous=_previous(flight),
        keep=action.keep,
        layout=action.placing,
    )


def reason_data(reason: Reason) -> Mapping[str, Any]:
    """A reason as plain data."""
    return {"code": reason.code.value, **reason.facts}


def _previous(flight: Flight) -> ContentDigest | None:
    return flight.lease.cell.previous_record if flight.lease else None
