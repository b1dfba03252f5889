"""What is told of a target that another run holds; pure."""

from __future__ import annotations

from traintrack.action.cell import Cell, Owner
from traintrack.action.event import TargetWaiting
from traintrack.digest import TargetId
from traintrack.ports.storage import Seen


def waiting_event(id_: TargetId, label: str, cell: Cell, owner: Owner) -> TargetWaiting:
    """Return the event that says who holds a target, and how far that is."""
    phase = cell.phase.value if cell.phase else ""
    return TargetWaiting(id_, label, owner.user, owner.host, owner.run, owner.since, phase, cell.progress)


def only_goes_on(before: Seen, now: Seen) -> bool:
    """Tell if a cell was changed by nothing but its holder who goes on: a beat, or the next phase. Another has another epoch."""
    old, new = before.cell, now.cell
    if old is None or new is None or old.owner is None or new.owner is None:
        return False  # Only what is held has an owner.
    return (old.epoch, old.flight) == (new.epoch, new.flight)


def tells_more(before: Seen, now: Seen) -> bool:
    """Tell if who waits can say something else than before."""
    old, new = before.cell, now.cell
    return old is not None and new is not None and (old.phase, old.progress) != (new.phase, new.progress)
