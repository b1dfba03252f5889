"""Ends of processes that are left to a caller who waits anyway: which are looked after in its thread."""

from __future__ import annotations

import math
import select
import threading
from collections.abc import Callable

import pytest

from traintrack.action.failure import FailureClass
from traintrack.action.job import JobPhase
from traintrack.ports.runner import Ends
from traintrack.runners.contract.exits import CAN_WATCH
from traintrack.runners.process import attempt as attempts
from traintrack.runners.process.runner import ProcessRunner
from traintrack.testing.runner_bench import Bench, make_job

pytestmark = pytest.mark.skipif(not CAN_WATCH, reason="no pidfd or epoll on this system")

WRITES = 'echo x > "$2/x"'


@pytest.fixture
def ready(bench: Bench) -> Bench:
    """A bench whose environment is there: the first task waits for it in a thread."""
    assert bench.run(make_job(bench.script(WRITES))).failure is None
    return bench


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads in which ends were looked after, however long tasks take on a busy machine."""
    monkeypatch.setattr(attempts, "SHORT_S", math.inf)
    found: list[str] = []
    finish = attempts.Attempt.finish

    def watched(self: attempts.Attempt, **how: bool) -> None:
        found.append(threading.current_thread().name)
        finish(self, **how)

    monkeypatch.setattr(attempts.Attempt, "finish", watched)
    return found


def lent_by(bench: Bench) -> Ends:
    assert isinstance(bench.runner, ProcessRunner)
    ends = bench.runner.lend()
    assert ends is not None
    return ends


def due(ends: Ends) -> Callable[[], None]:
    assert select.select([ends], [], [], 20)[0]
    (act,) = ends.due()
    return act


def test_the_end_of_a_short_task_is_looked_after_where_it_is_due(ready: Bench, threads: list[str]) -> None:
    ends = lent_by(ready)
    (handle,) = ready.runner.start([make_job(ready.script(WRITES))])

    due(ends)()

    state = ready.runner.poll([handle], 0.0)[handle]
    assert (state.phase, state.failure) == (JobPhase.FINISHED, None)
    assert threads == [threading.current_thread().name]


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (f"{WRITES}; exit 3", FailureClass.TASK),
        (f"{WRITES}; kill -9 $$", FailureClass.TASK),
        (f"{WRITES}; sleep 30 & exit 0", None),
        (f"{WRITES}; (trap '' TERM HUP; setsid sleep 30) & sleep 0.1; exit 0", None),
    ],
)
def test_what_may_take_longer_is_looked_after_aside(
    ready: Bench, threads: list[str], script: str, failure: FailureClass | None
) -> None:
    ends = lent_by(ready)
    (handle,) = ready.runner.start([make_job(ready.script(script))])

    due(ends)()

    assert ready.finish(handle).failure is failure
    assert threads == ["job"]


def test_a_task_that_ran_long_is_looked_after_aside(
    ready: Bench, threads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "SHORT_S", 0.05)
    ends = lent_by(ready)
    (handle,) = ready.runner.start([make_job(ready.script(f"sleep 0.2; {WRITES}"))])

    due(ends)()

    assert ready.finish(handle).failure is None
    assert threads == ["job"]


def test_who_has_the_ends_can_stop_a_job_and_wait_for_it(ready: Bench) -> None:
    ends = lent_by(ready)
    (handle,) = ready.runner.start([make_job(ready.script("echo started; sleep 60"))])
    ready.await_log(handle, b"started")

    ready.runner.stop([handle], 1.0)

    assert ready.finish(handle).failure is FailureClass.CANCELLED
    assert ends.due() == []
