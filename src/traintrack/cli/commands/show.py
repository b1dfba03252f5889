"""`traintrack show`: a target after merging, or the axes of a family."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.placing import Placing
from traintrack.app.answers import ShownTarget
from traintrack.app.environment import open_environment
from traintrack.app.project import Project, open_project
from traintrack.app.show_family import ShownFamily, show_family
from traintrack.app.show_target import show_target
from traintrack.cli.call import Call
from traintrack.cli.line import warn
from traintrack.cli.reach import hear_of_reads
from traintrack.cli.show_answer import family_fields, family_lines, show_fields, show_lines
from traintrack.errors import HostError


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    label: str
    record: bool
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print the fields of a target with their places, its inputs and its ID; of a family its axes."""
    project = open_project(call.start, profile=options.profile)
    family = show_family(project, options.label) if not options.record else None
    if family is not None:
        return _family(call, family)
    # Only the record and the place of files need a storage; without them `show` works wherever the repository is.
    if options.record:
        environment = open_environment(project.workspace, call.env)
        hear_of_reads(call, environment)
        shown = show_target(project, options.label, environment)
    else:
        shown = show_target(project, options.label)
        shown = _with_url(call, project, shown) if _is_plain(shown) else shown
    if call.json:
        call.document("show/1", show_fields(shown))
        return 0
    call.terminal.result(*show_lines(shown))
    if options.record and shown.record is None:
        call.terminal.say(("it has no record yet",))
    return 0


def _family(call: Call, family: ShownFamily) -> int:
    if call.json:
        call.document("show-family/1", family_fields(family))
    else:
        call.terminal.result(*family_lines(family))
    return 0


def _is_plain(shown: ShownTarget) -> bool:
    return any(field.path == "layout" and field.value == Placing.PLAIN.value for field in shown.fields)


def _with_url(call: Call, project: Project, shown: ShownTarget) -> ShownTarget:
    """Add where the files lie in a bucket; one that is out of reach is a warning."""
    try:
        environment = open_environment(project.workspace, call.env)
        hear_of_reads(call, environment)
        return replace(shown, url=show_target(project, shown.label, environment).url)
    except HostError as error:
        call.terminal.say((warn("warning:"), f" {error.message}"))
        return shown
