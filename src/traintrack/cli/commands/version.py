"""`traintrack version`."""

from __future__ import annotations

from msgspec import Struct

from traintrack.cli.call import Call
from traintrack.version import VERSION


class Options(Struct, frozen=True):
    """It takes none."""


def run(call: Call, _options: Options) -> int:
    """Print the version."""
    if call.json:
        call.document("version/1", {"version": VERSION})
    else:
        call.terminal.result((f"traintrack {VERSION}",))
    return 0
