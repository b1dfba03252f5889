"""The retry policy."""

from __future__ import annotations

from traintrack.action.action import Resources, Retries
from traintrack.action.failure import FailureClass
from traintrack.execute.retry import LONGEST_DELAY_S, PLATFORM_TRIES, next_attempt

NOTHING_ASKED = Resources()


def test_a_task_failure_is_not_tried_again_unasked() -> None:
    assert next_attempt([FailureClass.TASK], Retries(), NOTHING_ASKED, 1.0) is None


def test_a_task_failure_is_tried_again_as_often_as_asked() -> None:
    asked = Retries(task=2)

    assert next_attempt([FailureClass.TASK], asked, NOTHING_ASKED, 1.0) is not None
    assert next_attempt([FailureClass.TASK] * 2, asked, NOTHING_ASKED, 1.0) is not None
    assert next_attempt([FailureClass.TASK] * 3, asked, NOTHING_ASKED, 1.0) is None


def test_platform_failures_are_free_and_do_not_count_as_the_tasks_own() -> None:
    mixed = [FailureClass.PLATFORM, FailureClass.LOST, FailureClass.TASK]

    assert next_attempt([FailureClass.LOST], Retries(), NOTHING_ASKED, 1.0) is not None
    assert next_attempt(mixed, Retries(task=1), NOTHING_ASKED, 1.0) is not None


def test_a_target_that_kills_its_host_does_not_loop_for_ever() -> None:
    assert next_attempt([FailureClass.LOST] * (PLATFORM_TRIES + 1), Retries(), NOTHING_ASKED, 1.0) is None


def test_the_delay_of_platform_failures_doubles_and_is_jittered_up_to_a_limit() -> None:
    first = next_attempt([FailureClass.PLATFORM], Retries(), NOTHING_ASKED, 0.5)
    second = next_attempt([FailureClass.PLATFORM] * 2, Retries(), NOTHING_ASKED, 0.5)

    assert first is not None
    assert second is not None
    assert second.delay_s == 2 * first.delay_s == 1.0
    assert second.delay_s <= LONGEST_DELAY_S


def test_out_of_memory_gets_more_memory_when_it_may_be_tried_again() -> None:
    again = next_attempt([FailureClass.OUT_OF_MEMORY], Retries(out_of_memory=1), Resources(memory_bytes=1_000), 1.0)

    assert again is not None
    assert again.resources.memory_bytes == 2_000


def test_a_missing_image_and_a_cancellation_stay_failed() -> None:
    assert next_attempt([FailureClass.IMAGE], Retries(task=5), NOTHING_ASKED, 1.0) is None
    assert next_attempt([FailureClass.CANCELLED], Retries(task=5), NOTHING_ASKED, 1.0) is None
