"""`traintrack init`: a workspace to start from."""

from __future__ import annotations

import os

from msgspec import Struct

from traintrack.app.init import init
from traintrack.cli.call import Call
from traintrack.cli.line import good
from traintrack.cli.quantity import count_text


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    directory_to_fill: str | None
    example: str | None
    name: str | None


def run(call: Call, options: Options) -> int:
    """Write the files and print the commands to go on with, which are the result."""
    report = init(call.start / (options.directory_to_fill or os.curdir), options.example, options.name)
    if call.json:
        steps = {"files": list(report.files), "next_steps": list(report.next_steps)}
        call.document("init/1", {"root": str(report.root), **steps})
        return 0
    call.terminal.say((good("✓"), f" wrote {count_text(len(report.files), 'file')} to {report.root}"), ("next",))
    call.terminal.result(*((f"  {step}",) for step in report.next_steps))
    return 0
