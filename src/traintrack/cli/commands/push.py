"""`traintrack push`: send results to the storage of another environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from traintrack.app.clean_code import Cleanness
from traintrack.app.environment import open_environment
from traintrack.app.project import open_project
from traintrack.app.push import push
from traintrack.app.push_report import PushedTarget, PushReport, PushState
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.line import Line, Painted, bad, faint, good, warn
from traintrack.cli.quantity import count_text, size_text
from traintrack.errors import IntegrityError

_MARKS = {
    PushState.SENT: good("✓"),
    PushState.DIFFERS: bad("✗"),
    PushState.REFUSED: bad("✗"),
    PushState.BUSY: warn("◌"),
    PushState.BEHIND: warn("◌"),
}
_QUIET = frozenset({PushState.THERE, PushState.BROUGHT_IN})


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    to: str | None
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print a row for each result that was sent or could not be; 8 if one was refused."""
    project = open_project(call.start, profile=options.profile)
    environment = open_environment(project.workspace, call.env)
    report = push(project, environment, options.patterns, options.to)
    code = IntegrityError.exit_code if report.refused else 0
    if call.json:
        call.document("push/1", {**_fields(report), "exit_code": code})
        return code
    call.terminal.result(*(_line(report, row) for row in report.targets if row.state not in _QUIET))
    call.terminal.say(*_closing(report))
    return code


def _line(report: PushReport, row: PushedTarget) -> Line:
    mark: Painted = _MARKS.get(row.state, faint("·"))
    where = "" if row.storage == report.storage else f"to {row.storage}: its code is not pushed"
    size = size_text(row.size_bytes) if row.state is PushState.SENT else ""
    tail = " · ".join(fact for fact in (size, where if size else "", row.detail) if fact)
    return (mark, f" {row.state.value:<7}  {row.label}  ", faint(tail))


def _closing(report: PushReport) -> Iterator[Line]:
    counts = Counter(row.state for row in report.targets)
    there = sum(counts[state] for state in _QUIET)
    sent = f"{count_text(len(report.sent), 'result')} sent to {report.environment}, {size_text(report.sent_bytes)}"
    yield (sent + (f"; {there} there already" if there else ""),)
    dirty = [row.label for row in report.sent if row.cleanness is Cleanness.DIRTY and row.storage != report.storage]
    if dirty:
        yield (faint("hint: commit and `git push` the code, then push again: it goes to where all look"),)
    if report.refused:
        label = report.refused[0].label
        yield (faint(f"hint: to take what stands there: traintrack run --force --replace {label}"),)
    if counts[PushState.BUSY] or counts[PushState.BEHIND]:
        yield (faint("hint: push again when it is there"),)


def _fields(report: PushReport) -> dict[str, JsonValue]:
    return {
        "environment": report.environment,
        "storage": report.storage,
        "sent": len(report.sent),
        "sent_bytes": report.sent_bytes,
        "targets": [
            {
                "label": row.label,
                "id": row.id,
                "state": row.state.value,
                "storage": row.storage,
                "code": row.cleanness.value,
                "detail": row.detail,
                "size_bytes": row.size_bytes,
            }
            for row in report.targets
        ],
    }
