"""`traintrack pin`: keep results for ever, or list those that are."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

from msgspec import Struct

from traintrack.app.environment import open_environment
from traintrack.app.pin import pin, pins
from traintrack.app.project import open_project
from traintrack.app.roots import Pin
from traintrack.cli.call import Call, JsonValue
from traintrack.cli.line import Line, faint, good
from traintrack.cli.quantity import count_text, time_text
from traintrack.digest import TargetId
from traintrack.errors import UsageError
from traintrack.storages.local.processes import user_name


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    name: str | None
    why: str | None
    list: bool


def run(call: Call, options: Options) -> int:
    """Pin what the patterns select, or print a row for each pin."""
    if options.list == bool(options.patterns):
        raise UsageError("`pin` takes labels, or `--list`", hint="traintrack pin :model -m 'in production'")
    project = open_project(call.start)
    environment = open_environment(project.workspace, call.env)
    if options.list:
        found = pins(project, environment)
    else:
        by, at = f"{user_name()}@{socket.gethostname()}", datetime.now(UTC).isoformat(timespec="seconds")
        note = Pin(TargetId(""), "", by, at.replace("+00:00", "Z"), options.name or "", options.why or "")
        found = pin(project, environment, options.patterns, note)
    if call.json:
        call.document("pin/1", {"environment": environment.name, "pins": [pin_fields(one) for one in found]})
    elif options.list:
        call.terminal.result(*map(_line, found))
    else:
        call.terminal.say((good("✓"), f" {count_text(len(found), 'result')} pinned, kept for ever"))
    return 0


def pin_fields(found: Pin) -> dict[str, JsonValue]:
    """A pin as it stands in a document."""
    return {
        "label": found.label,
        "id": found.id,
        "name": found.name or None,
        "by": found.by,
        "at": found.at,
        "why": found.why or None,
    }


def _line(found: Pin) -> Line:
    facts = " · ".join(fact for fact in (found.name, found.by, time_text(found.at), found.why) if fact)
    return (f"{found.id[:12]}  {found.label}  ", faint(facts))
