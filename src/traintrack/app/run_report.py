"""What a run did, as an answer: a row per label, where results lie, and what was saved."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from traintrack.action.action import ActionGraph
from traintrack.action.event import TargetFinished
from traintrack.app.answers import RanTarget, RunReport
from traintrack.app.environment import Environment
from traintrack.app.reasons import reason_text
from traintrack.errors import NotFoundError
from traintrack.execute.settings import RunResult
from traintrack.plan.history import History
from traintrack.ports.at_once import at_once
from traintrack.ports.storage import Storage

READ_FOR_SAVINGS = 200
"""So many records of reused targets are read to say what the cache saved; more would cost more than it tells."""


def report_of(environment: Environment, graph: ActionGraph, result: RunResult, run: str) -> RunReport:
    """Return a row for each label of the plan, and what else the result says by itself."""
    wanted = frozenset(graph.requested)
    targets, requested = [], dict[str, TargetFinished]()
    for label, id_ in graph.labels.items():
        done = result.finished.get(id_)
        if done is None:
            continue
        targets.append(_ran(label, done))
        if id_ in wanted:
            requested[label] = done
    return RunReport(
        run=run,
        environment=environment.name,
        storage=environment.storage.name,
        targets=tuple(targets),
        requested=tuple(requested),
        duration_s=result.duration_s,
        interrupted=result.interrupted,
        path_of=partial(_path_of, environment, graph, requested),
    )


def _path_of(
    environment: Environment, graph: ActionGraph, requested: Mapping[str, TargetFinished], label: str
) -> Path | None:
    done = requested.get(label)
    if done is None or done.artifact is None or graph.stays_outside(done.id):
        return None
    try:
        return environment.storage.artifacts.path(done.artifact)
    except NotFoundError:
        # Reused from a bucket it may be nowhere on this machine: `pull` brings it.
        return None


def _ran(label: str, done: TargetFinished) -> RanTarget:
    return RanTarget(
        label=label,
        id=done.id,
        outcome=done.outcome,
        reason=done.reason,
        reason_text=reason_text(done.reason),
        attempts=done.attempts,
        duration_s=done.duration_s,
        artifact=done.artifact,
        failure=done.failure,
        message=done.message,
        log=done.log,
    )


def saved_s(storage: Storage, history: History, result: RunResult) -> float:
    """Return the recorded task seconds of what was reused."""
    reused = [f for f in result.finished.values() if f.outcome.value in ("reused", "same-inputs", "shared")]
    wanted = [done.record for done in reused[:READ_FOR_SAVINGS] if done.record]
    records = at_once(storage, history.record, wanted)
    return sum((record.timings.task_s for record in records if record is not None), 0.0)
