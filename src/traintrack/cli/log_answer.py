"""What `log` answers: the text of a log, or the rows of a run."""

from __future__ import annotations

from collections.abc import Callable

from traintrack.app.answers import HistoryLine, LogAnswer
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.follow import follow
from traintrack.cli.line import faint
from traintrack.cli.quantity import time_text
from traintrack.cli.terminal import aligned


def print_log(call: Call, answer: LogAnswer, live: Callable[[], bool]) -> None:
    """Print a log until its end and until nothing is live; as JSON, where it is."""
    if call.json:
        fields: dict[str, JsonValue] = {"run": answer.run, "attempt": answer.attempt, "outcome": answer.outcome}
        call.document("log/1", {"label": answer.label, **fields, "live": answer.live, "path": str(answer.path)})
        return
    call.terminal.say((faint(f"{answer.label}  run {answer.run} · attempt {answer.attempt} · {answer.outcome}"),))
    for lines in follow(answer.path, live):
        call.terminal.result(*((line,) for line in lines))


def print_run(call: Call, rows: tuple[HistoryLine, ...]) -> None:
    """Print a row for each target of a run."""
    if call.json:
        targets: list[JsonValue] = [
            {"run": r.run, "time": r.time, "outcome": r.outcome, "id": r.id, "label": r.label, "record": r.record}
            for r in rows
        ]
        call.document("log-run/1", {"targets": targets})
        return
    if rows:
        call.terminal.say((faint(f"run {rows[0].run} · {time_text(rows[0].time)}"),))
    call.terminal.result(*aligned((row.outcome, row.label or row.id[:12]) for row in rows))
