"""Targets by label, and the edges between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct, field

from traintrack.errors import Location
from traintrack.label import Label
from traintrack.workspace.model import Experiment, Frozen, KeyPath, Target


class LeafKind(str, Enum):
    """Why an ID is read and not computed."""

    FROZEN = "frozen"
    REVISION = "revision"
    ALIAS = "alias"


class Leaf(Struct, frozen=True):
    """Something whose ID is read from TTLOCK.yaml.

    `name` is the label (`//a/b:t`), or the reference without its sub-path (`@main//a/b:t`, `@lp_ocr:production`).
    `package` is the experiment whose lock speaks; `pin` is None where it is silent.
    """

    kind: LeafKind
    name: str
    package: str
    pin: Frozen | None


class Edge(Struct, frozen=True):
    """That `consumer` depends on a target or a leaf; exactly one of `producer` and `leaf` is set.

    `field` is `args` or `needs`, `path` where in it the reference stands. `subpath` is the part of the
    artifact that is meant, named outputs resolved; None for the whole.
    """

    consumer: Target
    field: str
    path: KeyPath
    producer: Label | None = None
    leaf: Leaf | None = None
    subpath: str | None = None

    @property
    def place(self) -> Location:
        """Where the reference was written. Looked up when asked: most edges never end in a message."""
        return self.consumer.place_of(self.field, *self.path)


class FanIn(Struct, frozen=True):
    """A list of members at `path` in the arguments.

    The edge to the member of row `i` is number `first + i` of the inputs, at `(*path, i, "path")`; `at[i]` are its
    coordinates as the task sees them.
    """

    path: KeyPath
    first: int
    at: tuple[Mapping[str, Any], ...]


class Node(Struct, frozen=True):
    """A target with its edges: `inputs` in the order of the arguments, `needs` in order."""

    target: Target
    experiment: Experiment
    inputs: tuple[Edge, ...] = ()
    needs: tuple[Edge, ...] = ()
    fan_ins: tuple[FanIn, ...] = ()

    def edges(self) -> tuple[Edge, ...]:
        """Inputs, then needs."""
        return self.inputs + self.needs if self.needs else self.inputs

    def before(self) -> list[Label]:
        """The targets that this one depends on, inputs before needs; one may stand twice."""
        return [edge.producer for edge in self.edges() if edge.producer is not None]


class TargetGraph(Struct, frozen=True):
    """All that a request reaches: `nodes` by label as they were reached.

    `frozen` holds the requested labels that are leaves. `requested` labels stand in `nodes` or `frozen`,
    in the order of the request, each once.
    """

    nodes: Mapping[Label, Node]
    requested: tuple[Label, ...]
    frozen: Mapping[Label, Leaf] = field(default_factory=dict)
