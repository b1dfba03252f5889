"""What goes wrong, and when: rules that tests set, change and take away while the server runs."""

from __future__ import annotations

import fnmatch
import random
import threading
from enum import Enum
from typing import Final, TypeAlias

from msgspec import Struct

from traintrack.testing.s3_server.access import check_operations


class When(str, Enum):
    """On which side of a request taking effect something happens."""

    BEFORE = "before"
    AFTER = "after"


class Respond(Struct, frozen=True, tag="respond"):
    """Another answer, in place of taking effect or (`AFTER`) in spite of it; any code of S3's, or none."""

    status: int
    code: str = ""
    when: When = When.BEFORE


class Delay(Struct, frozen=True, tag="delay"):
    """The request waits for `seconds`, and up to `spread_s` longer by chance."""

    seconds: float
    spread_s: float = 0.0
    when: When = When.BEFORE


class Hold(Struct, frozen=True, tag="hold"):
    """The request waits until `Faults.release`."""

    when: When = When.BEFORE


class LoseAnswer(Struct, frozen=True, tag="lose-answer"):
    """The request takes effect, and the connection is closed without an answer."""


class DeliverLate(Struct, frozen=True, tag="deliver-late"):
    """The connection is closed now; the request takes effect after some seconds, or (None) at `Faults.deliver`."""

    after_s: float | None = None


class CutBody(Struct, frozen=True, tag="cut-body"):
    """The connection is closed inside the body of the answer, after `keep_bytes` of it (None: half)."""

    keep_bytes: int | None = None


class FlipBit(Struct, frozen=True, tag="flip-bit"):
    """One bit of the body of the answer is another; `at_byte` from its beginning, modulo its length."""

    at_byte: int = 0


class ErrorIn200(Struct, frozen=True, tag="error-in-200"):
    """Status 200 with a document that is an error, as S3 may answer copies and completions."""

    code: str = "InternalError"
    when: When = When.BEFORE


class IgnoreConditions(Struct, frozen=True, tag="ignore-conditions"):
    """The conditions of the request are passed over, as stores do that do not know them."""


Effect: TypeAlias = (
    Respond | Delay | Hold | LoseAnswer | DeliverLate | CutBody | FlipBit | ErrorIn200 | IgnoreConditions
)

CONFLICT: Final = Respond(409, "ConditionalRequestConflict")
PRECONDITION_FAILED: Final = Respond(412, "PreconditionFailed")
INTERNAL_ERROR: Final = Respond(500, "InternalError")
SLOW_DOWN: Final = Respond(503, "SlowDown")
NOT_FOUND: Final = Respond(404, "NoSuchKey")
DENIED: Final = Respond(403, "AccessDenied")


class Rule(Struct, frozen=True):
    """An effect on some requests.

    Args:
        effect: what happens to them.
        operations: names as in S3's reference, such as `PutObject`; empty: all.
        key: a pattern of shell style whose `*` covers `/`; lists have their prefix for a key, `DeleteObjects` has none.
        nth: only the nth (from 1) that matches.
        times: at most so many; None: without end.
        probability: 0 to 1, of each that matches.
        seed: of the chance.
    """

    effect: Effect
    operations: tuple[str, ...] = ()
    key: str = "*"
    nth: int | None = None
    times: int | None = None
    probability: float = 1.0
    seed: int = 0


class _Active(Struct, eq=False):
    rule: Rule
    chance: random.Random
    matched: int = 0
    met: int = 0


class Faults:
    """The rules of a server, and the requests that they keep waiting."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._active: list[_Active] = []
        self._held = 0
        self._releases = 0
        self._open = False
        self._chance = random.Random(0)  # noqa: S311  chance, no secret

    def add(self, *rules: Rule) -> None:
        """Set further rules; where several match a request, all their effects come together.

        Raises:
            ValueError: a rule names an operation that there is not.
        """
        check_operations(name for rule in rules for name in rule.operations)
        with self._lock:
            self._active += [_Active(rule, random.Random(rule.seed)) for rule in rules]  # noqa: S311

    def clear(self) -> None:
        """Take all rules away; what they hold stays held."""
        with self._lock:
            self._active.clear()

    def met(self) -> tuple[int, ...]:
        """Return how many requests each rule has had an effect on, in the order of `add`."""
        with self._lock:
            return tuple(active.met for active in self._active)

    def release(self) -> None:
        """Let all requests go on that are held now."""
        with self._lock:
            self._releases += 1
            self._lock.notify_all()

    def wait_for_held(self, count: int, timeout_s: float = 30.0) -> bool:
        """Wait until so many requests are held; False if that took too long."""
        with self._lock:
            return self._lock.wait_for(lambda: self._held >= count, timeout_s)

    def held(self) -> int:
        """Return how many requests are held now."""
        return self._held

    # What the server calls

    def effects_on(self, operation: str, key: str) -> tuple[Effect, ...]:
        """Return what happens to a request, and count it."""
        if not self._active:
            return ()
        with self._lock:
            return tuple(active.rule.effect for active in self._active if _meets(active, operation, key))

    def wait(self, effect: Delay | Hold) -> None:
        """Let the calling request wait as an effect says."""
        with self._lock:
            if isinstance(effect, Delay):
                seconds = effect.seconds + effect.spread_s * self._chance.random()
                self._lock.wait_for(lambda: self._open, seconds)
                return
            releases = self._releases
            self._held += 1
            self._lock.notify_all()
            self._lock.wait_for(lambda: self._open or self._releases > releases)
            self._held -= 1

    def end(self) -> None:
        """Let nothing wait any more, for good."""
        with self._lock:
            self._open = True
            self._active.clear()
            self._lock.notify_all()


def _meets(active: _Active, operation: str, key: str) -> bool:
    rule = active.rule
    if rule.operations and operation not in rule.operations:
        return False
    if rule.key != "*" and not fnmatch.fnmatchcase(key, rule.key):
        return False
    active.matched += 1
    if rule.nth is not None and active.matched != rule.nth:
        return False
    if rule.times is not None and active.met >= rule.times:
        return False
    if rule.probability < 1.0 and active.chance.random() >= rule.probability:
        return False
    active.met += 1
    return True
