"""Makes the document of a run from how its targets ended."""

from __future__ import annotations

import shlex
import sys

from traintrack.action.action import ActionGraph
from traintrack.action.event import RunDocument, RunTarget, TargetFinished
from traintrack.action.keep import Keep
from traintrack.action.record import Who
from traintrack.app.environment import Environment
from traintrack.app.project import Project
from traintrack.digest import TargetId
from traintrack.execute.records import reason_data
from traintrack.execute.settings import RunResult


def run_document(
    project: Project,
    environment: Environment,
    graph: ActionGraph,
    result: RunResult,
    who: Who,
    started: str,
    ended: str,
) -> RunDocument:
    """Return what a run did, a row per label that ended, in order; times in ISO 8601 (UTC)."""
    rows = []
    for label, id_ in graph.labels.items():
        done = result.finished.get(id_)
        if done is not None:
            rows.append(_row(label, done, _keep_of(graph, id_)))
    return RunDocument(
        run=who.run,
        workspace=project.workspace.name,
        environment=environment.name,
        user=who.user,
        host=who.host,
        started=started,
        ended=ended,
        command=shlex.join(["traintrack", *sys.argv[1:]]),
        targets=tuple(rows),
        interrupted=result.interrupted,
        profile=who.profile,
    )


def _keep_of(graph: ActionGraph, id_: TargetId) -> Keep | None:
    declared = graph.actions.get(id_) or graph.sources.get(id_)
    return declared.keep if declared is not None else None


def _row(label: str, done: TargetFinished, keep: Keep | None) -> RunTarget:
    return RunTarget(
        label=label,
        id=done.id,
        outcome=done.outcome.value,
        reason=reason_data(done.reason),
        attempts=done.attempts,
        duration_s=round(done.duration_s, 3),
        record=done.record,
        log=done.log,
        failure=done.failure,
        keep=keep,
    )
