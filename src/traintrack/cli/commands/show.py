"""`traintrack show`: a target after merging."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.environment import open_environment
from traintrack.app.project import open_project
from traintrack.app.show_target import show_target
from traintrack.cli.call import Call
from traintrack.cli.reach import hear_of_reads
from traintrack.cli.show_answer import show_fields, show_lines


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    label: str
    record: bool


def run(call: Call, options: Options) -> int:
    """Print the fields of a target with their places, its inputs and its ID."""
    project = open_project(call.start)
    # Only the record needs a storage; without it `show` works wherever the repository is.
    environment = open_environment(project.workspace, call.env) if options.record else None
    if environment is not None:
        hear_of_reads(call, environment)
    shown = show_target(project, options.label, environment)
    if call.json:
        call.document("show/1", show_fields(shown))
        return 0
    call.terminal.result(*show_lines(shown))
    if options.record and shown.record is None:
        call.terminal.say(("it has no record yet",))
    return 0
