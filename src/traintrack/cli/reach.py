"""Tells of storages that an environment reads and that are out of reach, for commands that only look."""

from __future__ import annotations

from traintrack.app.environment import Environment
from traintrack.cli.call import Call
from traintrack.cli.line import warn
from traintrack.ports.through import ReadsThrough, Sharing


def hear_of_reads(call: Call, environment: Environment) -> None:
    """Warn once for each such storage, when it is first asked."""
    if isinstance(environment.storage, ReadsThrough):
        environment.storage.attend(lambda words: call.terminal.say((warn("warning:"), f" {words}")), Sharing.WAIT)
