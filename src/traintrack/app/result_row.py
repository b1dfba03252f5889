"""A target with what it was made with and what came out: coordinates, arguments, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct, field

from traintrack.app.metrics_file import Value
from traintrack.digest import TargetId
from traintrack.family_name import family_of


class State(str, Enum):
    """How a target stands; of a `removed` one the bytes went, and its small files are kept."""

    CACHED = "cached"
    REMOVED = "removed"
    RUNNING = "running"
    FAILED = "failed"
    MISSING = "missing"

    @property
    def has_result(self) -> bool:
        """Tell if there are metrics to be asked for."""
        return self in {State.CACHED, State.REMOVED}


class ResultRow(Struct, frozen=True):
    """A target or member. `coordinates`, `args` and `metrics` are by name, in order; a coordinate may be None.

    `problem` says in words why there are no metrics though there is a result, `detail` more of it, for one who looks closer.
    """

    label: str
    id: TargetId
    state: State
    coordinates: Mapping[str, Value | None] = field(default_factory=dict)
    args: Mapping[str, Value] = field(default_factory=dict)
    metrics: Mapping[str, Value] = field(default_factory=dict)
    problem: str = ""
    detail: str = ""

    @property
    def target(self) -> str:
        """The label of its family, else its own."""
        return family_of(self.label) or self.label
