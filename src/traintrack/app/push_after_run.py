"""Pushes what a run has made, where its environment says `push: clean`; the run has succeeded whatever comes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from traintrack.action.plan import Outcome
from traintrack.app.environment import Environment
from traintrack.app.project import Project
from traintrack.app.push_report import Pushing
from traintrack.errors import TraintrackError
from traintrack.execute.settings import RunResult

CLEAN: Final = "clean"
_MADE = frozenset({Outcome.EXECUTED, Outcome.SAME_INPUTS})


def push_after_run(
    project: Project,
    environment: Environment,
    result: RunResult,
    warn: Callable[[str], None],
    tell: Callable[[str], None],
) -> None:
    """Push the clean ones of what was made; a storage that cannot be pushed to is told, with what repeats it."""
    made = [done for done in result.finished.values() if done.outcome in _MADE]
    if environment.spec.options.get("push") != CLEAN or not made:
        return
    from traintrack.app.push import push_ids  # noqa: PLC0415  only who pushes pays for it

    try:
        report = push_ids(project, environment, {done.id: done.label for done in made}, None, Pushing.CLEAN)
    except TraintrackError as error:
        labels = " ".join(sorted(done.label for done in made)[:3]) + (" ..." if len(made) > 3 else "")
        warn(f"nothing was pushed: {error.message}; to do it again: traintrack push {labels}")
        return
    for words in report.warnings():
        warn(words)
    if report.sent:
        tell(report.words())
