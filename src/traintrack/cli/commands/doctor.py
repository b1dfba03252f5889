"""`traintrack doctor`: is this machine fit?"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from traintrack.app.answers import Diagnosis
from traintrack.app.doctor import doctor
from traintrack.cli.call import Call
from traintrack.cli.line import Line, bad, faint, good, strong, warn
from traintrack.errors import HostError

_MARKS = {"ok": good("✓"), "warning": warn("◌"), "problem": bad("✗")}


class Options(Struct, frozen=True):
    """It takes none."""


def run(call: Call, _options: Options) -> int:
    """Print a line for each thing that was looked at; the exit code tells if there is a problem."""
    found = doctor(call.start, call.env)
    code = HostError.exit_code if any(one.state == "problem" for one in found) else 0
    if call.json:
        rows = [{"name": d.name, "state": d.state, "detail": d.detail, "hint": d.hint or None} for d in found]
        call.document("doctor/1", {"checks": rows})
        return code
    width = max((len(one.name) for one in found), default=0)
    for one in found:
        call.terminal.result(*_lines(one, width))
    return code


def _lines(one: Diagnosis, width: int) -> Iterator[Line]:
    state = "" if one.state == "ok" else f"{one.state}: "
    yield (_MARKS.get(one.state, faint("·")), f" {one.name:<{width}}  {state}{one.detail}")
    if one.hint:
        yield (" " * (width + 4), strong("hint:"), f" {one.hint}")
