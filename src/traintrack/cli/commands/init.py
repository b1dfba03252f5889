"""`traintrack init`: a workspace to start from."""

from __future__ import annotations

import os

from msgspec import Struct

from traintrack.app.answers import InitReport
from traintrack.app.init import Wish, init, plan_init
from traintrack.app.starter_docker import DEFAULT_BASE
from traintrack.cli.call import Call
from traintrack.cli.line import Line, faint, good, warn
from traintrack.cli.quantity import count_text
from traintrack.errors import UsageError


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    directory_to_fill: str | None
    wrap: str | None
    docker: bool
    base: str | None
    example: str | None
    name: str | None
    dry_run: bool


def run(call: Call, options: Options) -> int:
    """Write the files, or only tell them, and print the commands to go on with, which are the result."""
    wish = _wish(options)
    directory = call.start / (options.directory_to_fill or os.curdir)
    report = plan_init(directory, wish).report if options.dry_run else init(directory, wish)
    if call.json:
        steps = {"files": list(report.files), "next_steps": list(report.next_steps)}
        notes = [{"kind": note.kind, "text": note.text} for note in report.notes]
        call.document("init/1", {"root": str(report.root), **steps, "notes": notes, "dry_run": options.dry_run})
        return 0
    call.terminal.say(*_thoughts(report))
    verb = "would write" if options.dry_run else "wrote"
    call.terminal.say((good("✓"), f" {verb} {count_text(len(report.files), 'file')} to {report.root}"))
    if options.dry_run or report.notes:
        call.terminal.say(*((f"  {path}",) for path in report.files))
    call.terminal.say(("next",))
    call.terminal.result(*((f"  {step}",) for step in report.next_steps))
    return 0


def _thoughts(report: InitReport) -> list[Line]:
    paint = {"note": warn}
    return [(paint.get(note.kind, faint)(f"{note.kind:<5}"), f"  {note.text}") for note in report.notes]


def _wish(options: Options) -> Wish:
    asked = [("--example", options.example), ("--wrap", options.wrap), ("--docker", options.docker or None)]
    given = [flag for flag, value in asked if value is not None]
    if len(given) > 1 and given != ["--wrap", "--docker"]:
        raise UsageError(
            f"{given[0]} and {given[1]} ask for different workspaces", code="usage", hint=f"leave out {given[1]}"
        )
    if options.base is not None and not options.docker:
        raise UsageError("--base needs --docker", code="usage", hint=f"traintrack init --docker --base {options.base}")
    base = (options.base or DEFAULT_BASE) if options.docker else None
    return Wish(options.example, options.name, options.wrap, base)
