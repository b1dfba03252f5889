"""What `run` answers, as JSON and as an exit code; and its plan, as JSON and as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from traintrack.action.plan import Decision, Outcome, Reason
from traintrack.app.answers import PlannedTarget, RanTarget, RunReport
from traintrack.app.except_edit import ExceptEdit
from traintrack.cli.call import JsonValue
from traintrack.cli.family_plan import WOULD, decisions_text
from traintrack.cli.line import Line, Painted, busy, faint, good, warn
from traintrack.cli.quantity import duration_text
from traintrack.errors import CancelledError, TaskError
from traintrack.family_name import by_row

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
        "profile": report.profile,
        "storage": report.storage,
        "interrupted": report.interrupted,
        "duration_s": round(report.duration_s, 3),
        "saved_s": round(report.saved_s, 3),
        "requested": list(report.requested),
        "new_pins": list(report.new_pins),
        "targets": [_ran_fields(row, report) for row in report.targets],
        "excepts": [_except_fields(edit) for edit in report.excepts],
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
    """Return a line for each target and each family of a plan: what would be done, and why."""
    return _plan_lines(by_row(planned, lambda row: row.label))


def member_plan_lines(planned: Sequence[PlannedTarget]) -> list[Line]:
    """Return a line for each target of a plan, members of families too."""
    return _plan_lines({row.label: [row] for row in planned})


def _plan_lines(groups: Mapping[str, Sequence[PlannedTarget]]) -> list[Line]:
    named = {(name if len(rows) > 1 else rows[0].label): rows for name, rows in groups.items()}
    width = max(map(len, named), default=0)
    return [
        (_MARKS[_decision(rows)], f"{name:<{width}}  ", faint(f"{_why(rows)}{_expected(rows)}"))
        for name, rows in named.items()
    ]


def _decision(rows: Sequence[PlannedTarget]) -> Decision:
    decisions = {row.decision for row in rows}
    return next(one for one in (Decision.EXECUTE, Decision.WAIT, Decision.REUSE) if one in decisions)


def _why(rows: Sequence[PlannedTarget]) -> str:
    if len(rows) == 1:
        return rows[0].reason_text
    return decisions_text([(row.decision, row.reason_text) for row in rows], WOULD)


def reason_fields(reason: Reason) -> dict[str, JsonValue]:
    """Return a reason as JSON, in the shape that it has in records: its code and the facts beside it."""
    return {"code": reason.code.value, **reason.facts}


def _except_fields(edit: ExceptEdit) -> dict[str, JsonValue]:
    return {
        "path": edit.path,
        "target": edit.target,
        "parts": [
            {
                "match": dict(part.match),
                "arguments": {name: [dict(at) for at in some] for name, some in part.arguments.items()},
            }
            for part in edit.parts
        ],
        "because": list(edit.because),
        "is_there": edit.is_there,
    }


def _ran_fields(row: RanTarget, report: RunReport) -> dict[str, JsonValue]:
    path = report.path_of(row.label)
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


def _expected(rows: Sequence[PlannedTarget]) -> str:
    """What it took before, of a family all together; nothing where it is not known of all that would run."""
    known = [row.expected_s for row in rows if len(rows) == 1 or row.decision is Decision.EXECUTE]
    times = [time_s for time_s in known if time_s is not None]
    return f" · took {duration_text(sum(times))} before" if times and len(times) == len(known) else ""
