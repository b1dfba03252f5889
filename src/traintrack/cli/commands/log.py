"""`traintrack log`: what a target said, or what a run did."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.answers import HistoryLine, LogAnswer
from traintrack.app.environment import open_environment
from traintrack.app.find_log import find_log
from traintrack.app.project import open_project
from traintrack.cli.call import Call
from traintrack.cli.log_answer import print_log, print_run


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    about: str | None
    attempt: int | None
    follow: bool


def run(call: Call, options: Options) -> int:
    """Print a log, or a row for each target of a run."""
    project = open_project(call.start)
    environment = open_environment(project.workspace, call.env)

    def find() -> LogAnswer | tuple[HistoryLine, ...]:
        return find_log(project, environment, options.about, options.attempt)

    first = find()

    def is_live() -> bool:
        if not options.follow:
            return False
        now = find()
        return isinstance(now, LogAnswer) and now.live and now.path == first_path

    if isinstance(first, tuple):
        print_run(call, first)
        return 0
    first_path = first.path
    print_log(call, first, is_live)
    return 0
