"""`traintrack log`: what a target said, or what a run did."""

from __future__ import annotations

from msgspec import Struct

from traintrack.app.answers import HistoryLine, LogAnswer
from traintrack.app.distant_log import complete_copy, drop_copies
from traintrack.app.environment import Environment, open_environment
from traintrack.app.find_log import find_log
from traintrack.app.project import open_project
from traintrack.cli.call import Call
from traintrack.cli.follow import POLL_S
from traintrack.cli.log_answer import Watched, print_log, print_run


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    about: str | None
    attempt: int | None
    follow: bool
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print a log, or a row for each target of a run."""
    project = open_project(call.start, profile=options.profile)
    environment = open_environment(project.workspace, call.env)

    def find() -> LogAnswer | tuple[HistoryLine, ...]:
        return find_log(project, environment, options.about, options.attempt)

    first = find()
    if isinstance(first, tuple):
        print_run(call, first)
        return 0
    first_path = first.path

    def is_live() -> bool:
        now = find()
        if isinstance(now, LogAnswer) and now.live and now.path == first_path:
            return True
        if first.holder:
            complete_copy(environment, first_path.stem)
        return False

    watched = Watched(is_live, _poll_s(environment, first)) if options.follow else None
    try:
        print_log(call, first, watched)
    finally:
        if first.holder and not call.json:
            drop_copies()
    return 0


def _poll_s(environment: Environment, answer: LogAnswer) -> float:
    """How often to look for more: what grows elsewhere comes in pieces, at most one in a heartbeat."""
    heartbeat_s = environment.storage.cells.heartbeat_s
    return heartbeat_s / 2 if answer.holder and heartbeat_s else POLL_S
