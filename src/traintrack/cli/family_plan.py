"""What is done with the members of a family, as one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from traintrack.action.plan import Decision, Plan, Reason, Step
from traintrack.cli.line import Line, faint
from traintrack.family_name import by_row

WOULD: Mapping[Decision, str] = {Decision.EXECUTE: "would run", Decision.WAIT: "would wait", Decision.REUSE: "cached"}
WILL: Mapping[Decision, str] = {
    Decision.EXECUTE: "to run",
    Decision.WAIT: "waiting for another run",
    Decision.REUSE: "cached",
}

_REASONS = 3
_FAMILIES = 10


def decisions_text(rows: Sequence[tuple[Decision, str]], words: Mapping[Decision, str]) -> str:
    """Say what is done with members, each a decision and its reason, and why: `6 would run: never built · 2 cached`.

    Several reasons are counted, those of most members first; members that are reused tell theirs only if all are.
    """
    counts = Counter(decision for decision, _ in rows)
    parts = []
    for decision in (Decision.EXECUTE, Decision.WAIT, Decision.REUSE):
        if not counts[decision]:
            continue
        why = "" if decision is Decision.REUSE and len(counts) > 1 else f": {_reasons(rows, decision)}"
        parts.append(f"{counts[decision]} {words[decision]}{why}")
    return " · ".join(parts)


def planned_families(plan: Plan, reason_text: Callable[[Reason], str]) -> list[Line]:
    """Return a row for each family of which something is to be done: the first of them, and how many there are beyond."""
    planned = ((label, plan.steps[id_]) for label, id_ in plan.graph.labels.items() if id_ in plan.steps)
    lines: list[Line] = []
    for name, members in by_row(planned, _label).items():
        rows = [(step.decision, reason_text(step.reason)) for _, step in members]
        if len(rows) > 1 and any(decision is not Decision.REUSE for decision, _ in rows):
            lines.append((f"      {name}  ", faint(decisions_text(rows, WILL))))
    more = len(lines) - _FAMILIES
    return [*lines[:_FAMILIES], (faint(f"      and {more} more"),)] if more > 0 else lines


def _label(planned: tuple[str, Step]) -> str:
    return planned[0]


def _reasons(rows: Iterable[tuple[Decision, str]], decision: Decision) -> str:
    reasons = Counter(reason for one, reason in rows if one is decision).most_common()
    if len(reasons) == 1:
        return reasons[0][0]
    shown = ", ".join(f"{count} {reason}" for reason, count in reasons[:_REASONS])
    others = sum(count for _, count in reasons[_REASONS:])
    return f"{shown} and {others} for other reasons" if others else shown
