"""What to do about an input whose bytes are lost: make it again in the same run, if that is cheap."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from traintrack.action.plan import Decision, Reason, ReasonCode, Step
from traintrack.digest import TargetId
from traintrack.errors import IntegrityError
from traintrack.execute.flight import DamagedInputError
from traintrack.execute.settings import Planner


def steps_to_heal(
    damaged: DamagedInputError, planner: Planner, is_known: Callable[[TargetId], bool], limit_s: float
) -> dict[TargetId, Step]:
    """Return steps that make the damaged result again, with what is needed below it and is not known to the run.

    Raises:
        IntegrityError: it cannot be made here, or its recorded time is beyond `limit_s`.
    """
    bad, label = damaged.id, planner.graph.label_of(damaged.id)
    if bad not in planner.graph.actions:
        raise IntegrityError(
            f"`{label}` is damaged: {damaged.words}",
            code="damaged-input",
            hint="it is frozen; bring its bytes back, or make it again from the commit that it was frozen at",
        )
    below = tuple(d for d in planner.graph.actions[bad].depends_on() if not is_known(d))
    steps = dict(planner.decide(below)) if below else {}
    own = planner.decide((bad,))[bad]
    steps[bad] = replace(own, decision=Decision.EXECUTE, reason=Reason(ReasonCode.CORRUPT, {"what": damaged.words}))
    cost_s = sum(s.expected_s or 0.0 for s in steps.values() if s.decision is Decision.EXECUTE)
    if cost_s > limit_s:
        raise IntegrityError(
            f"`{label}` is damaged: {damaged.words}",
            code="damaged-input",
            hint=f"making it again takes about {cost_s / 60:.0f} min: traintrack run --force --replace {label}",
        )
    return steps
