"""Short steps in the loop's own thread."""

from __future__ import annotations

from traintrack.execute.own_thread import LONG_S, REST_S, OwnThread


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def now_iso(self) -> str:
        """No date."""
        return ""

    def takes(self, seconds: float) -> None:
        self.now += seconds


def test_steps_are_taken_until_one_is_long() -> None:
    clock = Hands()
    own = OwnThread(clock, allowed=True)

    own.run(lambda: clock.takes(LONG_S / 2))
    assert own.may_take
    own.run(lambda: clock.takes(LONG_S * 2))

    assert not own.may_take


def test_each_long_step_is_followed_by_a_rest_twice_as_long() -> None:
    clock = Hands()
    own = OwnThread(clock, allowed=True)

    for rest_s in (REST_S, 2 * REST_S, 4 * REST_S):
        own.run(lambda: clock.takes(LONG_S * 2))
        clock.takes(rest_s * 0.99)
        assert not own.may_take
        clock.takes(rest_s * 0.02)
        assert own.may_take


def test_none_is_taken_where_each_waits_for_a_network() -> None:
    assert not OwnThread(Hands(), allowed=False).may_take
