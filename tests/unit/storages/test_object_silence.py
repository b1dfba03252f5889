"""Silence: what an observer may conclude from what it saw, and what not."""

from __future__ import annotations

from traintrack.ports.storage import Liveness
from traintrack.storages.objects.silence import Rhythm, Silence

RHYTHM = Rhythm(heartbeat_s=10.0, first_poll_s=1.0, longest_poll_s=5.0)


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def spread(self) -> float:
        return 0.5


def watched(reads: int, every_s: float) -> tuple[Silence, Hand]:
    hand = Hand()
    silence = Silence(hand, RHYTHM)
    for _ in range(reads):
        silence.observe("cell", "v1", "holder")
        hand.sleep(every_s)
    return silence, hand


def test_a_holder_whose_cell_stands_still_for_six_beats_and_a_half_is_gone() -> None:
    assert watched(14, 5.0)[0].liveness("holder") is Liveness.UNKNOWN
    assert watched(18, 5.0)[0].liveness("holder") is Liveness.GONE


def test_an_observer_that_slept_for_a_day_does_not_take_the_holder_for_gone() -> None:
    silence, hand = watched(3, 1.0)

    hand.sleep(86400.0)
    silence.observe("cell", "v1", "holder")

    assert silence.liveness("holder") is Liveness.UNKNOWN


def test_a_beat_ends_the_silence_and_begins_no_hurry() -> None:
    silence, _ = watched(18, 5.0)

    silence.observe("cell", "v2", "holder")

    assert silence.liveness("holder") is Liveness.ALIVE
    assert silence.poll_s("cell") == RHYTHM.longest_poll_s


def test_a_new_holder_does_not_inherit_the_silence_of_the_one_before() -> None:
    silence, _ = watched(18, 5.0)

    silence.observe("cell", "v2", "another")

    assert silence.poll_s("cell") == RHYTHM.first_poll_s
    assert silence.liveness("another") is Liveness.UNKNOWN
    assert silence.liveness("holder") is Liveness.UNKNOWN


def test_a_cell_that_nobody_holds_is_not_watched() -> None:
    silence, _ = watched(18, 5.0)

    silence.observe("cell", "v2", None)

    assert silence.liveness("holder") is Liveness.UNKNOWN


def test_few_reads_prove_nothing_however_long_they_took() -> None:
    rhythm = Rhythm(heartbeat_s=1.0, first_poll_s=100.0, longest_poll_s=100.0)
    hand = Hand()
    silence = Silence(hand, rhythm)
    for _ in range(4):
        silence.observe("cell", "v1", "holder")
        hand.sleep(100.0)

    assert silence.liveness("holder") is Liveness.UNKNOWN
