"""The pins of a run: added where they are missing; where one cannot be had, the reason is told and not its absence."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from traintrack.app.answers import Missing
from traintrack.app.lock import lock_graph
from traintrack.app.project import (
    Identified,
    Project,
    Selected,
    identify,
    identify_selected,
    is_as_read,
    selected,
)
from traintrack.errors import HostError, InputError, InputErrors, raise_all
from traintrack.ports.sources import Tell

_MISSING_PIN = "missing-pin"


class AddedPins(Struct, frozen=True):
    """What was added, a line for each pin, and what could not be. `looked_at` is what pins were looked for in."""

    rows: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    looked_at: Selected | None = None


def add_pins(project: Project, texts: Sequence[str], tell: Tell) -> AddedPins:
    """Add what locks lack for the targets that the patterns reach.

    Raises:
        InputError: files or graph are wrong.
        NotFoundError: nothing matched.
        HostError: a lock file cannot be written.
    """
    found = selected(project, texts)
    report = lock_graph(project, found.targets, tell=tell)
    rows = tuple(f"{pin.lock_path}: {pin.kind} {pin.name}" for pin in report.added)
    return AddedPins(rows, report.missing, found)


def identify_pinned(project: Project, texts: Sequence[str], pins: AddedPins) -> Identified:
    """As `identify`, but a pin that is missing since it could not be had is told with the reason for that.

    Raises:
        InputError: files, graph or pins are wrong; all such errors at once.
        HostError: a registry or a store that a pin is asked from stands in the way.
    """
    try:
        known = pins.looked_at
        if known is not None and is_as_read(project, known.targets):
            return identify_selected(project, known)
        return identify(project, texts)
    except InputError as error:
        found = error.errors if isinstance(error, InputErrors) else (error,)
        reasons = [one.error for one in pins.missing if one.name]
        if not reasons or any(one.code != _MISSING_PIN for one in found):
            raise
        raise_all([reason for reason in reasons if isinstance(reason, InputError)])
        first = reasons[0]
        raise HostError(
            first.message,
            code=first.code,
            location=first.location,
            hint=first.hint,
            details=[*first.details, *(str(other) for other in reasons[1:])],
        ) from error
