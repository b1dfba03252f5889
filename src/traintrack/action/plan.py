"""What will be done for each target, and why: decided as data, before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct, field

from traintrack.action.action import ActionGraph
from traintrack.action.cell import Cell
from traintrack.digest import TargetId


class Decision(str, Enum):
    """What is done for an ID: use what stands, wait for another run, or execute (or cut off early)."""

    REUSE = "reuse"
    WAIT = "wait"
    EXECUTE = "execute"


class ReasonCode(str, Enum):
    """Why that was decided."""

    CACHED = "cached"
    NEVER_BUILT = "never-built"
    RECIPE_CHANGED = "recipe-changed"
    FAILED_BEFORE = "failed-before"
    RELEASED = "interrupted-before"
    EVICTED = "evicted"
    CORRUPT = "corrupt"
    MISSING_BYTES = "missing-bytes"
    SUPERSEDED = "superseded"
    FORCED = "forced"
    INPUT_REMADE = "input-remade"
    HELD = "held-by-another-run"
    REFUSED = "refused"


class Reason(Struct, frozen=True):
    """A reason as data: `code`, and `facts` such as `{"fields": ["args.epochs"]}` or `{"owner": …}`."""

    code: ReasonCode
    facts: Mapping[str, Any] = field(default_factory=dict)


class Step(Struct, frozen=True):
    """What is done for one ID. `cell` is the cell as the planner saw it, None if absent.

    `expected_s` is the time that it took before, None if unknown.
    """

    id: TargetId
    decision: Decision
    reason: Reason
    cell: Cell | None = None
    expected_s: float | None = None


class Plan(Struct, frozen=True):
    """Steps in an order that has every one after those it depends on.

    `graph` holds only the actions of `steps`: what lies below a reused target is not in it. `forced` are the
    IDs to run again though they have results; with `replace` their results are evicted first, and
    `superseded` are the IDs whose records read those results.
    """

    graph: ActionGraph
    steps: Mapping[TargetId, Step]
    forced: frozenset[TargetId] = frozenset()
    replace: bool = False
    superseded: tuple[TargetId, ...] = ()

    def to_execute(self) -> tuple[TargetId, ...]:
        """The IDs that do not stand yet, in order."""
        return tuple(i for i, s in self.steps.items() if s.decision is not Decision.REUSE)


class Outcome(str, Enum):
    """How a target ended in a run."""

    EXECUTED = "executed"
    REUSED = "reused"
    SAME_INPUTS = "same-inputs"
    SHARED = "shared"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"

    @property
    def good(self) -> bool:
        """Tell if the target has a result."""
        return self in (Outcome.EXECUTED, Outcome.REUSED, Outcome.SAME_INPUTS, Outcome.SHARED)
