"""What `run` answers, as JSON and as an exit code; and its plan, as JSON and as lines."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.action.plan import Decision, Outcome, Reason
from traintrack.app.answers import PlannedTarget, RanTarget, RunReport
from traintrack.cli.call import JsonValue
from traintrack.cli.line import Line, Painted, busy, faint, good, warn
from traintrack.cli.quantity import duration_text
from traintrack.errors import CancelledError, TaskError

_MARKS: dict[Decision, Painted] = {
    Decision.REUSE: good("✓ cached  "),
    Decision.EXECUTE: busy("● run     "),
    Decision.WAIT: warn("◌ wait    "),
}


def exit_code(report: RunReport, signalled: int | None) -> int:
    """Return the exit code of a run: a signal comes before a failure, a failure before a cancellation."""
    if signalled is not None:
        return signalled
    outcomes = {row.outcome for row in report.targets}
    if outcomes & {Outcome.FAILED, Outcome.BLOCKED}:
        return TaskError.exit_code
    return CancelledError.exit_code if Outcome.CANCELLED in outcomes else 0


def run_fields(report: RunReport) -> dict[str, JsonValue]:
    """Return a run as JSON: a row for each target of the plan, in order."""
    return {
        "run": report.run,
        "environment": report.environment,
        "storage": report.storage,
        "interrupted": report.interrupted,
        "duration_s": round(report.duration_s, 3),
        "saved_s": round(report.saved_s, 3),
        "requested": list(report.requested),
        "new_pins": list(report.new_pins),
        "targets": [_ran_fields(row, report) for row in report.targets],
    }


def plan_fields(planned: Sequence[PlannedTarget], environment: str) -> dict[str, JsonValue]:
    """Return a plan as JSON."""
    rows = [
        {
            "label": row.label,
            "id": row.id,
            "decision": row.decision.value,
            "reason": reason_fields(row.reason),
            "reason_text": row.reason_text,
            "expected_s": row.expected_s,
        }
        for row in planned
    ]
    return {"environment": environment, "targets": rows}


def plan_lines(planned: Sequence[PlannedTarget]) -> list[Line]:
    """Return a line for each target of a plan: what would be done, and why."""
    width = max((len(row.label) for row in planned), default=0)
    return [
        (_MARKS[row.decision], f"{row.label:<{width}}  ", faint(f"{row.reason_text}{_expected(row)}"))
        for row in planned
    ]


def reason_fields(reason: Reason) -> dict[str, JsonValue]:
    """Return a reason as JSON, in the shape that it has in records: its code and the facts beside it."""
    return {"code": reason.code.value, **reason.facts}


def _ran_fields(row: RanTarget, report: RunReport) -> dict[str, JsonValue]:
    path = report.paths.get(row.label)
    return {
        "label": row.label,
        "id": row.id,
        "outcome": row.outcome.value,
        "reason": reason_fields(row.reason),
        "reason_text": row.reason_text,
        "attempts": row.attempts,
        "duration_s": round(row.duration_s, 3),
        "artifact": row.artifact,
        "path": None if path is None else str(path),
        "failure": row.failure,
        "message": row.message,
        "log": row.log,
    }


def _expected(row: PlannedTarget) -> str:
    return "" if row.expected_s is None else f" · took {duration_text(row.expected_s)} before"
