"""The promises of docs/explanation/protocol.md over random interleavings of the real code, in a bucket's semantics."""

from __future__ import annotations

from collections import Counter

import pytest
from driver import Scenario, numbers_of, play
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traintrack.testing.schedule import Faults

SCENARIOS = {
    "two workers": Scenario(),
    "three workers, many unclear answers": Scenario(workers=(0, 0, 0), faults=Faults(crashes=2, unclear=8)),
    "every live holder beats in time": Scenario((0, 0, 0), timely=True, faults=Faults(1, 4, jumps=False)),
    "a collector, and a result that another takes": Scenario(
        (0, 1), collectors=1, rounds=2, quarantines=1, hints=True, made=(1,)
    ),
    "a collector, and equal bytes": Scenario((0, 0, 1), collectors=1, rounds=2, quarantines=1, outputs=1),
    "two collectors": Scenario(
        (0, 1), collectors=2, rounds=2, quarantines=1, hints=True, made=(0,), faults=Faults(1, 4), outputs=1
    ),
}
QUICK = 50
LONG = 2000

some_scenario = st.builds(
    Scenario,
    workers=st.lists(st.integers(0, 1), min_size=1, max_size=3).map(tuple),
    collectors=st.integers(0, 2),
    rounds=st.integers(1, 2),
    quarantines=st.integers(0, 2),
    faults=st.builds(Faults, crashes=st.integers(0, 2), unclear=st.integers(0, 6)),
    made=st.sampled_from(((), (0,), (1,), (0, 1))),
    outputs=st.integers(1, 2),
    hints=st.booleans(),
)
some_numbers = st.lists(st.integers(0, 4095), max_size=200)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_promises_hold_over_random_schedules(name: str) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(QUICK):
        outcomes += play(SCENARIOS[name], numbers_of(seed)).outcomes

    assert outcomes["executed"] > 0


@given(some_scenario, some_numbers)
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_promises_hold_in_every_company(scenario: Scenario, numbers: list[int]) -> None:
    play(scenario, numbers)


@pytest.mark.torture
@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_promises_hold_over_very_many_schedules(name: str, part: int) -> None:
    first = 1000 + part * LONG
    print(f"{name}: seeds from {first}; replay one: play(SCENARIOS[{name!r}], numbers_of(seed))")  # noqa: T201
    for seed in range(first, first + LONG):
        play(SCENARIOS[name], numbers_of(seed))


def test_a_schedule_can_be_replayed() -> None:
    scenario = SCENARIOS["a collector, and equal bytes"]

    first, second = (play(scenario, numbers_of(7)) for _ in range(2))

    assert [_shape(step) for step in first.schedule.trace] == [_shape(step) for step in second.schedule.trace]


def test_without_faults_one_of_three_executes_and_the_others_share() -> None:
    world = play(Scenario((0, 0, 0), faults=Faults(0, 0), sure=True), [])

    assert (world.executions, world.outcomes["executed"], world.outcomes["shared"]) == (1, 1, 2)


def test_a_finished_output_outlives_the_fence() -> None:
    """Whoever is fenced while it publishes starts again with a new round, and does not execute again."""
    scenario = Scenario((0,), collectors=1, rounds=2, faults=Faults(0, 0), sure=True)
    worlds = [play(scenario, numbers_of(seed)) for seed in range(100)]
    fenced = [w for w in worlds if _fenced(w.schedule.trace)]

    assert fenced
    assert {w.executions for w in fenced} <= {1, 2}
    assert any(w.executions == 1 for w in fenced)


def _fenced(trace: list[str]) -> bool:
    return any(step.startswith("collector") and "replace ns/cell/" in step for step in trace)


def _shape(step: str) -> str:
    return step.partition(" [")[0].partition("data/")[0]
