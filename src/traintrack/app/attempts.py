"""Failed attempts of a target: which there are, and what one of them left."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from traintrack.app.answers import PulledTarget
from traintrack.app.environment import Environment
from traintrack.app.one_target import one_label
from traintrack.app.project import Project, action_graph
from traintrack.errors import HostError, InputError, NotFoundError, UsageError
from traintrack.label import Label
from traintrack.runners.contract.copy_folder import copy_folder

if TYPE_CHECKING:
    from traintrack.runners.contract.failed_attempts import FailedAttempt

LAST = "last"
"""What stands on the command line in place of the number of the newest attempt."""


def attempt_number(text: str) -> int | None:
    """Read the value of `--attempt`; None is the newest.

    Raises:
        UsageError: it is neither a number from 1 on nor `last`.
    """
    if text == LAST:
        return None
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise UsageError(f"`{text}` is no attempt", code="bad-value", hint=f"write its number, or `--attempt {LAST}`")


def attempts_of(project: Project, environment: Environment, label: Label) -> list[FailedAttempt]:
    """Return the attempts of the newest execution of a target of which something is kept, the newest first.

    A target with an equal recipe is the same work, whatever its label.
    """
    kept = [one for one in environment.attempts.all() if one.workspace == project.workspace.name]
    own = [one for one in kept if one.label == str(label)]
    if not own and kept:
        id_ = _id_of(project, label)
        own = [one for one in kept if one.id == id_]
    return [one for one in own if one.flight == own[0].flight]


def find_attempt(project: Project, environment: Environment, label: Label, number: int | None) -> FailedAttempt:
    """Return the attempt of that number, the newest without one.

    Raises:
        NotFoundError: it is not kept; says which are.
    """
    attempts = attempts_of(project, environment, label)
    if not attempts:
        raise NotFoundError(
            f"no failed attempt of `{label}` is kept in {environment.storage.name}",
            code="no-attempt",
            hint=f"traintrack log {label}  # what it said last; attempts that failed are kept for 14 days",
        )
    for one in attempts:
        if number in (None, one.number):
            return one
    known = ", ".join(f"{one.number} ({one.message}, {one.ended})" for one in reversed(attempts))
    raise NotFoundError(
        f"`{label}` has no attempt {number} in {attempts[0].run}", code="no-such-attempt", hint=f"attempts: {known}"
    )


def trim_attempts(environment: Environment) -> None:
    """Remove failed attempts beyond their limits; what cannot be removed is left to `clean`, which says why."""
    with contextlib.suppress(OSError):
        environment.attempts.trim()


def pull_attempt(
    project: Project, environment: Environment, texts: Sequence[str], number: int | None, output: Path | None
) -> tuple[PulledTarget, ...]:
    """Return where the unfinished output of an attempt lies, or copy it to `output`/<target> and return the copy.

    Raises:
        UsageError: the texts name not one target, or something stands where the copy goes.
        NotFoundError: no such attempt is kept.
        HostError: it cannot be copied.
    """
    if len(texts) != 1:
        raise UsageError("`--attempt` is about one target", hint="traintrack pull LABEL --attempt last")
    label = one_label(project, texts[0])
    attempt = find_attempt(project, environment, label, number)
    source = environment.attempts.output(attempt)
    if output is None:
        return (PulledTarget(str(label), attempt.id, source),)
    place = output / label.name
    if os.path.lexists(place):
        raise UsageError(
            f"`{place}` is there already", code="copy-refused", hint="give another folder with `-o`, or remove it"
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
        copy_folder(str(source), str(place))
    except OSError as error:
        raise HostError(
            f"`{error.filename or place}` cannot be copied: {(error.strerror or str(error)).lower()}",
            code="copy-failed",
            hint="free space or give another folder with `-o`",
        ) from error
    return (PulledTarget(str(label), attempt.id, place),)


def _id_of(project: Project, label: Label) -> str | None:
    """The ID that the label has now, None where it cannot be computed: older attempts can still be told."""
    try:
        return action_graph(project, [str(label)]).labels[str(label)]
    except InputError:
        return None
