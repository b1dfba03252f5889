"""`traintrack expand`: what families and templates declare, written out."""

from __future__ import annotations

import sys

from msgspec import Struct

from traintrack.app.expand import MOST_SHOWN, expand
from traintrack.app.project import open_project
from traintrack.cli.call import Call
from traintrack.cli.expand_text import expansion_fields, more_text, plain_lines, yaml_lines


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    plain: bool
    all_members: bool
    worktree: bool
    sets: tuple[str, ...]
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print each target with all its fields, and behind each the file and line that it comes from."""
    project = open_project(
        call.start,
        sets=options.sets,
        worktree=options.worktree,
        requested=options.patterns,
        profile=options.profile,
    )
    expansion = expand(project, options.patterns, most=sys.maxsize if options.all_members else MOST_SHOWN)
    if call.json:
        call.document("expand/1", expansion_fields(expansion))
    elif options.plain:
        call.terminal.result(*plain_lines(expansion))
        call.terminal.say(*((more_text(one, options.profile),) for one in expansion.folded))
    else:
        call.terminal.result(*yaml_lines(expansion, options.profile))
    return 0
