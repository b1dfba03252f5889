"""What `log` answers: the text of a log, or the rows of a run."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from traintrack.app.answers import HistoryLine, LogAnswer
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.follow import POLL_S, follow
from traintrack.cli.line import faint
from traintrack.cli.quantity import time_text
from traintrack.cli.terminal import aligned


class Watched(Struct, frozen=True):
    """A log that is followed: whether it still grows, and how often to look."""

    is_live: Callable[[], bool]
    poll_s: float = POLL_S


def print_log(call: Call, answer: LogAnswer, watched: Watched | None) -> None:
    """Print a log until its end, if it is watched until nothing is live; as JSON, where it is."""
    if call.json:
        fields: dict[str, JsonValue] = {"run": answer.run, "attempt": answer.attempt, "outcome": answer.outcome}
        call.document("log/1", {"label": answer.label, **fields, "live": answer.live, "path": str(answer.path)})
        return
    where = f" by {answer.holder}" if answer.holder else ""
    head = f"{answer.label}  run {answer.run} · attempt {answer.attempt} · {answer.outcome}{where}"
    call.terminal.say((faint(head),))
    for lines in follow(answer.path, *((watched.is_live, watched.poll_s) if watched else (_is_over,))):
        call.terminal.result(*((line,) for line in lines))
    if answer.live and watched is None:
        call.terminal.say((faint(f"it is still running{where}; `traintrack log -f {answer.label}` goes on with it"),))


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


def _is_over() -> bool:
    return False
