"""`check --fresh`: whether pins of external data are young enough, and still say what is there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from traintrack.action.action import ExternalData, Provenance
from traintrack.analysis.sources import external_data, source_pin
from traintrack.app.environment import open_sources
from traintrack.app.project import Project
from traintrack.app.source_check import check_source
from traintrack.errors import GateError, InputError, IntegrityError, Location, TraintrackError
from traintrack.graph.target_graph import Node
from traintrack.ports.sources import Tell
from traintrack.workspace.model import Target
from traintrack.workspace.quantities import parse_duration

_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


def stale_sources(project: Project, nodes: Iterable[Node], now: datetime, tell: Tell) -> tuple[TraintrackError, ...]:
    """Return an error for each source whose pin is too old or whose data has moved, sorted by place.

    A source that is named in several experiments is looked at once per pin. One without a pin is not stale. What
    is out of reach stands in the list as the error that it is.
    """
    sources = open_sources(project.workspace)
    found: list[TraintrackError] = []
    answers: dict[tuple[str, str | None, str | None], TraintrackError | None] = {}
    for node in nodes:
        data = _pinned(node)
        if data is None:
            continue
        target, place = node.target, node.target.place_of("source")
        old = _too_old(target, node, now)
        if old is not None:
            found.append(old)
        key = (data.uri, data.content, data.listing)
        if key not in answers:
            answers[key] = None
            try:
                check_source(sources, data, tell)
            except TraintrackError as error:
                answers[key] = error
        moved = answers[key]
        if moved is not None:
            found.append(_placed(moved, str(target.label), place))
    return tuple(sorted(found, key=lambda e: (e.location or Location("", 0), e.message)))


def _pinned(node: Node) -> ExternalData | None:
    """The source of a target, None if it has none or no pin."""
    spec = node.target.spec
    if spec.source is None or spec.task is not None or source_pin(node.target, node.experiment) is None:
        return None
    return external_data(node.target, node.experiment, Provenance(label=str(node.target.label)))


def _too_old(target: Target, node: Node, now: datetime) -> GateError | None:
    asked = target.spec.max_age
    pin = source_pin(target, node.experiment)
    if asked is None or pin is None:
        return None
    allowed_s = parse_duration(asked)
    at = _time(pin.at)
    age_s = (now - at).total_seconds() if at is not None else None
    if age_s is not None and age_s <= allowed_s:
        return None
    known = f"is {_words(age_s)} old" if age_s is not None else "does not say how old it is"
    return GateError(
        f"the pin of `{target.label}` {known}, and `max_age` is {_words(allowed_s)}",
        code="source-old",
        location=target.place_of("max_age"),
        hint=f"traintrack lock --update {target.label}",
    )


def _time(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _words(seconds: float) -> str:
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), _UNITS[-1])
    number = f"{seconds / size:.1f}".removesuffix(".0")
    return f"{number} {unit[:-1] if number == '1' else unit}"


def _placed(error: TraintrackError, label: str, place: Location) -> TraintrackError:
    if isinstance(error, IntegrityError):
        hint = f"traintrack lock --update {label}"
        return GateError(error.message, code="source-moved", location=place, hint=hint)
    if isinstance(error, InputError):
        return GateError(error.message, code=error.code, location=place, hint=error.hint)
    return type(error)(error.message, code=error.code, location=place, hint=error.hint)
