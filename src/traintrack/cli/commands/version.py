"""`traintrack version`."""

from __future__ import annotations

from dataclasses import dataclass

from traintrack.cli.call import Call
from traintrack.version import VERSION


@dataclass(frozen=True, slots=True)
class Options:
    """It takes none."""


def run(call: Call, _options: Options) -> int:
    """Print the version."""
    if call.json:
        call.document("version/1", {"version": VERSION})
    else:
        call.terminal.result((f"traintrack {VERSION}",))
    return 0
