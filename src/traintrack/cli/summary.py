"""The last lines of a run: what came of it, and the command to go on with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from traintrack.action.plan import Decision, Outcome
from traintrack.app.answers import RunReport
from traintrack.cli.asked import AS_IT_IS, Asked
from traintrack.cli.line import Line, Painted, bad, faint, good, warn
from traintrack.cli.quantity import count_text, duration_text, names_text
from traintrack.cli.shell_word import shell_word
from traintrack.cli.up_to_date import up_to_date_text
from traintrack.family_name import by_row

_WORDS = (
    (Outcome.EXECUTED, "ran"),
    (Outcome.REUSED, "cached"),
    (Outcome.SAME_INPUTS, "same inputs as before"),
    (Outcome.SHARED, "made by another run"),
    (Outcome.FAILED, "failed"),
    (Outcome.BLOCKED, "blocked"),
    (Outcome.CANCELLED, "cancelled"),
)
_NAMED_IN_NEXT = 3


def plan_line(decisions: Sequence[Decision]) -> Line:
    """Return the line that sums a plan up; an item for each target."""
    count = Counter(decisions)
    parts = [
        f"{count[decision]} {words}"
        for decision, words in (
            (Decision.REUSE, "cached"),
            (Decision.EXECUTE, "to run"),
            (Decision.WAIT, "waiting for another run"),
        )
        if count[decision]
    ]
    return (f"Plan  {count_text(len(decisions), 'target')}: {' · '.join(parts) or 'nothing to do'}",)


def summary_lines(report: RunReport, asked: Asked = AS_IT_IS) -> list[Line]:
    """Return the summary of a run; one line if everything was there already.

    `asked` are the options that commands to copy must repeat.
    """
    # Labels of the same recipe are one target, that ran once.
    by_id = {row.id: row.outcome for row in report.targets}
    outcomes = Counter(by_id.values())
    if not report.interrupted and outcomes[Outcome.REUSED] == len(by_id):
        return [_up_to_date(report)]
    counts = " · ".join(f"{outcomes[outcome]} {words}" for outcome, words in _WORDS if outcomes[outcome])
    word = " (interrupted)" if report.interrupted else ""
    lines: list[Line] = [
        (_mark(report), f" {counts or 'nothing was run'}{word}   in {duration_text(report.duration_s)}")
    ]
    if report.saved_s >= 1:
        lines.append(("  ", faint(f"saved by cache ≈ {duration_text(report.saved_s)}")))
    if report.new_pins:
        lines.append(("  ", faint(f"added {count_text(len(report.new_pins), 'pin')}: {names_text(report.new_pins)}")))
    return [*lines, *_next_lines(report, asked)]


def _next_lines(report: RunReport, asked: Asked) -> list[Line]:
    command = next_command(report)
    if not asked.is_changed or not command.startswith("traintrack pull"):
        return [("  next  ", asked.again(command))]
    # `pull` hands out what the files declare: of what was laid over them for this run the place is told.
    path = report.path_of(report.requested[0]) if len(report.requested) == 1 else None
    return [] if path is None else [("  result  ", str(path))]


def next_command(report: RunReport) -> str:
    """Return the command that a person most probably wants next."""
    failed = [row for row in report.targets if row.outcome is Outcome.FAILED]
    if failed:
        logged = [row.label for row in failed if row.log]
        return f"traintrack log {shell_word(logged[0])}" if logged else f"traintrack run {shell_word(failed[0].label)}"
    good_labels = {row.label for row in report.targets if row.outcome.good}
    ready = [label for label in report.requested if label in good_labels]
    if report.interrupted or len(ready) < len(report.requested) or not ready:
        return f"traintrack run {_named(report.requested)}"
    return f"traintrack pull {_named(ready)}"


def _up_to_date(report: RunReport) -> Line:
    label = report.requested[0] if len(report.requested) == 1 else None
    path = report.path_of(label) if label is not None else None
    text = up_to_date_text(
        len(report.requested), len(report.targets), report.duration_s, label, None if path is None else str(path)
    )
    return (good("✓"), text)


def _mark(report: RunReport) -> Painted:
    if any(row.outcome in (Outcome.FAILED, Outcome.BLOCKED) for row in report.targets):
        return bad("✗")
    if report.interrupted or any(not row.outcome.good for row in report.targets):
        return warn("◌")
    return good("✓")


def _named(labels: Sequence[str]) -> str:
    """Spell labels as words of a command, members as their family; where they are many, the folder or all of them."""
    words = [name if len(some) > 1 else some[0] for name, some in by_row(labels, str).items()]
    if 0 < len(words) <= _NAMED_IN_NEXT:
        return " ".join(map(shell_word, words))
    packages = {label.removeprefix("//").partition(":")[0] for label in labels}
    return f"//{packages.pop()}:*" if len(packages) == 1 else "//..."
