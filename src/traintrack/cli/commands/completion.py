"""`traintrack completion`: the script that makes a shell complete commands and labels."""

from __future__ import annotations

from msgspec import Struct

from traintrack.cli.call import Call
from traintrack.cli.completion_scripts import SCRIPTS


class Options(Struct, frozen=True):
    """See `cli/table.py`."""

    shell: str


def run(call: Call, options: Options) -> int:
    """Print the script of a shell."""
    script = SCRIPTS[options.shell]
    if call.json:
        call.document("completion/1", {"shell": options.shell, "script": script})
        return 0
    call.terminal.raw(script.encode("ascii"))
    return 0
