"""Tells of storages that an environment reads and that are out of reach, and of what is refused, for commands that only look."""

from __future__ import annotations

from traintrack.app.environment import Environment
from traintrack.cli.call import Call
from traintrack.cli.line import warn
from traintrack.ports.through import ReadsThrough, Sharing
from traintrack.ports.trust import Refuses


def hear_of_reads(call: Call, environment: Environment) -> None:
    """Warn once for each such storage, when it is first asked, and for each result."""

    def tell(words: str) -> None:
        call.terminal.say((warn("warning:"), f" {words}"))

    if isinstance(environment.storage, Refuses):
        environment.storage.hear_refusals(tell)
    if isinstance(environment.storage, ReadsThrough):
        environment.storage.attend(tell, Sharing.WAIT)
