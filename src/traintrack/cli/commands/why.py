"""`traintrack why`: the cause, down to the line."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.environment import open_environment
from traintrack.app.project import open_project
from traintrack.app.why import why
from traintrack.cli.call import Call
from traintrack.cli.reach import hear_of_reads
from traintrack.cli.why_answer import why_fields, why_lines


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    label: str
    profile: str | None
    tree: bool


def run(call: Call, options: Options) -> int:
    """Print why, with every cause and its place."""
    project = open_project(call.start, profile=options.profile)
    environment = open_environment(project.workspace, call.env)
    hear_of_reads(call, environment)
    answer = why(project, environment, options.label)
    if call.json:
        call.document("why/1", why_fields(answer))
    else:
        call.terminal.result(*why_lines(answer, tree=options.tree))
    return 0
