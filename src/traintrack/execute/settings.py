"""How a plan is carried out, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from traintrack.action.action import ActionGraph
from traintrack.action.cell import Result
from traintrack.action.event import TargetFinished
from traintrack.action.plan import Step
from traintrack.digest import TargetId
from traintrack.execute.slots import Capacity


class Planner(Protocol):
    """Decides about targets that turn out to be needed while the run is under way."""

    @property
    def graph(self) -> ActionGraph:
        """Everything that may be asked about."""

    def decide(self, ids: tuple[TargetId, ...]) -> Mapping[TargetId, Step]:
        """Steps for these IDs and all below them that must be made, each after those it depends on.

        Raises:
            TraintrackError: a leaf has no result here, or the storage cannot be read.
        """


class RunSettings(Struct, frozen=True):
    """`heal_limit_s` is the recorded time up to which lost bytes are made again in the same run."""

    run: str
    capacity: Capacity
    environment: str = ""
    fail_fast: bool = False
    fresh: bool = False
    heal_limit_s: float = 600.0


class RunResult(Struct, frozen=True):
    """How each target of the plan ended, in the order in which they ended, and what stands for them."""

    finished: Mapping[TargetId, TargetFinished]
    results: Mapping[TargetId, Result]
    duration_s: float
    interrupted: bool = False
