"""Whether a failed attempt is tried again, when, and with what. Pure: the caller draws the jitter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.action import Resources, Retries
from traintrack.action.failure import FailureClass

PLATFORM_TRIES = 3
"""Platform failures in one flight that are tried again for free; a target that kills its host must not loop for ever."""

FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 60.0
MEMORY_FACTOR = 2


class Again(Struct, frozen=True):
    """Try again after `delay_s`, with these resources."""

    delay_s: float
    resources: Resources


def next_attempt(
    failures: Sequence[FailureClass], retries: Retries, resources: Resources, jitter: float
) -> Again | None:
    """Decide after the last of `failures` (of one flight, oldest first); None: it stays failed.

    The delay grows twofold with each failure of that class and is multiplied by `jitter`, drawn from 0.5 to 1.5.
    """
    last = failures[-1]
    seen = Counter(failures)[last]
    if seen > _allowed(last, retries):
        return None
    delay_s = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (seen - 1)) * jitter if last.retried_for_free else 0.0
    if last is FailureClass.OUT_OF_MEMORY and resources.memory_bytes is not None:
        resources = replace(resources, memory_bytes=resources.memory_bytes * MEMORY_FACTOR)
    return Again(delay_s, resources)


def _allowed(failure: FailureClass, retries: Retries) -> int:
    if failure.retried_for_free:
        return PLATFORM_TRIES
    return {
        FailureClass.TASK: retries.task,
        FailureClass.OUT_OF_MEMORY: retries.out_of_memory,
        FailureClass.TIMEOUT: retries.timeout,
    }.get(failure, 0)
