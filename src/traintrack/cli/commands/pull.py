"""`traintrack pull`: results as paths."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

from traintrack.app.attempts import attempt_number, pull_attempt
from traintrack.app.copy_out import copy_out
from traintrack.app.environment import Environment, open_environment
from traintrack.app.project import Project, open_project
from traintrack.app.pull import pull
from traintrack.cli.call import Call
from traintrack.cli.reach import hear_of_reads
from traintrack.errors import UsageError


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    patterns: tuple[str, ...]
    output: str | None
    force: bool
    attempt: str | None
    profile: str | None


def run(call: Call, options: Options) -> int:
    """Print a path a line."""
    if options.force and options.output is None:
        raise UsageError("`--force` goes with `-o`", hint="traintrack pull PATTERN -o DIR --force")
    if options.force and options.attempt is not None:
        raise UsageError("`--force` does not go with `--attempt`", hint="give another folder with `-o`")
    project = open_project(call.start, profile=options.profile)
    environment = open_environment(project.workspace, call.env)
    hear_of_reads(call, environment)
    if options.output is not None and options.output.startswith("s3://"):
        return _copy_out(call, options, options.output, project, environment)
    output = None if options.output is None else _folder(call, options.output)
    if options.attempt is None:
        pulled = pull(project, environment, options.patterns, output, force=options.force)
    else:
        number = attempt_number(options.attempt)
        pulled = pull_attempt(project, environment, options.patterns, number, output)
    if call.json:
        rows = [{"label": one.label, "id": one.id, "path": str(one.path)} for one in pulled]
        call.document("pull/1", {"targets": rows})
        return 0
    for one in pulled:
        call.terminal.path(one.path)
    return 0


def _folder(call: Call, text: str) -> Path:
    """The folder that `-o` names, relative to `-C` as if started there; without `..`, which nobody wants to read."""
    folder = call.start / Path(text).expanduser()
    return Path(os.path.realpath(folder)) if ".." in folder.parts else folder


def _copy_out(call: Call, options: Options, url: str, project: Project, environment: Environment) -> int:
    """Copy into a bucket, and print an address a line."""
    if options.attempt is not None:
        raise UsageError("`--attempt` does not go with a bucket", hint="give a folder with `-o`")
    copied = copy_out(project, environment, options.patterns, url, force=options.force)
    if call.json:
        rows = [{"label": str(item), "id": id_, "path": there} for item, id_, there in copied]
        call.document("pull/1", {"targets": rows})
    else:
        call.terminal.result(*((there,) for _, _, there in copied))
    return 0
