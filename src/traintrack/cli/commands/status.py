"""`traintrack status`: what has a result and what has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from traintrack.app.answers import TargetStatus
from traintrack.app.environment import open_environment
from traintrack.app.project import open_project
from traintrack.app.status import status
from traintrack.cli.call import Call
from traintrack.cli.line import Line, Painted, bad, busy, faint, good, warn
from traintrack.cli.named_families import named_by_member
from traintrack.cli.quantity import size_text, time_text
from traintrack.cli.reach import hear_of_reads
from traintrack.cli.shell_word import shell_word
from traintrack.cli.with_profile import with_profile
from traintrack.family_name import by_row, coordinates_text, family_of

_MARKS = {"cached": good("✓"), "running": busy("●"), "failed": bad("✗"), "stale": warn("◌"), "missing": faint("·")}
_TOLD_FIRST = ("failed", "running", "stale", "missing")
_MEMBERS = 5


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    members: bool
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print a row for each target: state, label, and what is known about it; a family is one row with its worst members."""
    project = open_project(call.start, profile=options.profile)
    environment = open_environment(project.workspace, call.env)
    hear_of_reads(call, environment)
    rows = status(project, environment, options.patterns)
    if call.json:
        call.document(
            "status/1",
            {"environment": environment.name, "profile": options.profile, "targets": [_fields(row) for row in rows]},
        )
        return 0
    if options.members:
        call.terminal.result(*_lines(rows))
        return 0
    spread = named_by_member(options.patterns, project.current_package)
    call.terminal.result(*status_lines(rows, spread, options.profile))
    return 0


def status_lines(rows: Sequence[TargetStatus], spread: frozenset[str], profile: str | None = None) -> list[Line]:
    """Return a line for each target; the members of a family that is not in `spread` are counted in one.

    Its state is the one that most needs a look. Below it stand at most five members without a result, those that failed first.
    """
    groups = by_row(rows, lambda row: row.label)
    summed = {name for name, some in groups.items() if len(some) > 1 and family_of(some[0].label) not in spread}
    names = [name if name in summed else row.label for name, some in groups.items() for row in some]
    width = max(map(len, names), default=0)
    lines: list[Line] = []
    for name, some in groups.items():
        lines += (
            _family_lines(name, some, width, profile)
            if name in summed
            else [_line(row, row.label, width) for row in some]
        )
    return lines


def _lines(rows: Sequence[TargetStatus]) -> list[Line]:
    width = max((len(row.label) for row in rows), default=0)
    return [_line(row, row.label, width) for row in rows]


def _family_lines(name: str, members: Sequence[TargetStatus], width: int, profile: str | None) -> list[Line]:
    counts = Counter(row.state for row in members)
    states = [state for state in (*_TOLD_FIRST, "cached") if counts[state]]
    tail = " · ".join(f"{counts[state]:,} {state}" for state in states)
    lines: list[Line] = [_row(states[0], name, width, tail)]
    open_ = [row for state in _TOLD_FIRST for row in members if row.state == state]
    width = max((len(coordinates_text(row.label)) for row in open_[:_MEMBERS]), default=0)
    lines += [("  ", *_line(row, coordinates_text(row.label), width)) for row in open_[:_MEMBERS]]
    if len(open_) > _MEMBERS:
        command = with_profile(f"traintrack status --members {shell_word(name)}", profile)
        lines.append(("  ", faint(f"… {len(open_) - _MEMBERS} more: {command}")))
    return lines


def _line(row: TargetStatus, name: str, width: int) -> Line:
    facts = [row.detail, time_text(row.since), "" if row.size_bytes is None else size_text(row.size_bytes)]
    return _row(row.state, name, width, " · ".join(fact for fact in facts if fact))


def _row(state: str, name: str, width: int, tail: str) -> Line:
    mark: Painted = _MARKS.get(state, faint("·"))
    head = f" {state:<7}  {name}"
    return (mark, head.ljust(width + 10) + "  ", faint(tail)) if tail else (mark, head)


def _fields(row: TargetStatus) -> dict[str, str | int | None]:
    return {
        "label": row.label,
        "id": row.id,
        "state": row.state,
        "detail": row.detail,
        "since": row.since or None,
        "size_bytes": row.size_bytes,
        "home": row.home,
    }
