"""`traintrack unpin`: let `gc` have results again."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.environment import open_environment
from traintrack.app.pin import unpin
from traintrack.app.project import open_project
from traintrack.cli.call import Call
from traintrack.cli.commands.pin import pin_fields
from traintrack.cli.line import good
from traintrack.cli.quantity import count_text


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    pins: tuple[str, ...]


def run(call: Call, options: Options) -> int:
    """Take pins away and say how many."""
    project = open_project(call.start)
    environment = open_environment(project.workspace, call.env)
    found = unpin(project, environment, options.pins)
    if call.json:
        call.document("unpin/1", {"environment": environment.name, "pins": [pin_fields(one) for one in found]})
        return 0
    call.terminal.say((good("✓"), f" {count_text(len(found), 'pin')} removed; `gc` counts from the last use again"))
    return 0
