"""What a push did, as values."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from traintrack.app.clean_code import Cleanness
from traintrack.digest import TargetId


class Pushing(str, Enum):
    """What goes: all that is asked for, or only what is clean."""

    ALL = "all"
    CLEAN = "clean"


class PushState(str, Enum):
    """What became of a result. `BEHIND`: something that it was made from is not there."""

    SENT = "sent"
    THERE = "there"
    DIFFERS = "differs"
    BROUGHT_IN = "brought-in"
    REFUSED = "refused"
    BUSY = "busy"
    BEHIND = "behind"
    DIRTY = "dirty"

    @property
    def is_there(self) -> bool:
        """Tell if the same bytes stand there now."""
        return self in (PushState.SENT, PushState.THERE, PushState.BROUGHT_IN)


class PushedTarget(Struct, frozen=True):
    """A row of a push: where it went, `detail` in words, and its bytes if they were sent."""

    label: str
    id: TargetId
    state: PushState
    storage: str
    cleanness: Cleanness = Cleanness.CLEAN
    detail: str = ""
    size_bytes: int = 0


class PushReport(Struct, frozen=True):
    """What a push did: a row for each result, inputs first."""

    environment: str
    storage: str
    targets: tuple[PushedTarget, ...]

    @property
    def sent(self) -> tuple[PushedTarget, ...]:
        """What was sent."""
        return tuple(row for row in self.targets if row.state is PushState.SENT)

    @property
    def sent_bytes(self) -> int:
        """How much that was."""
        return sum(row.size_bytes for row in self.sent)

    @property
    def refused(self) -> tuple[PushedTarget, ...]:
        """What could not go, as other bytes stand there."""
        return tuple(row for row in self.targets if row.state in (PushState.REFUSED, PushState.DIFFERS))

    def warnings(self) -> Iterator[str]:
        """What a person should know of a push that nobody asked for."""
        for row in self.refused:
            yield f"{row.label} was not pushed to {self.environment}: {row.detail}"

    def words(self) -> str:
        """What was sent, in one line."""
        count = len(self.sent)
        return f"pushed {count} result{'' if count == 1 else 's'} to {self.environment} ({self.sent_bytes} bytes)"
