"""Slots: what fits, what is given back, what can never run."""

from __future__ import annotations

from traintrack.action.action import Resources
from traintrack.execute.slots import Ask, Capacity, Slots


def test_no_more_jobs_start_than_there_are_slots() -> None:
    slots = Slots(Capacity(jobs=1))
    grant = slots.take(Ask(Resources()))

    assert grant is not None
    assert slots.full
    assert slots.take(Ask(Resources())) is None
    slots.give_back(grant)
    assert slots.take(Ask(Resources())) is not None


def test_gpus_are_given_by_index_and_come_back() -> None:
    slots = Slots(Capacity(jobs=9, gpus=2))
    first, second = slots.take(Ask(Resources(gpu=1))), slots.take(Ask(Resources(gpu=1)))

    assert first is not None
    assert second is not None
    assert (first.gpus, second.gpus) == ((0,), (1,))
    assert slots.take(Ask(Resources(gpu=1))) is None
    slots.give_back(first)
    again = slots.take(Ask(Resources(gpu=1)))
    assert again is not None
    assert again.gpus == (0,)


def test_a_task_that_asks_for_more_memory_than_there_is_runs_alone() -> None:
    slots = Slots(Capacity(jobs=4, memory_bytes=100))

    assert slots.take(Ask(Resources(memory_bytes=1_000))) is not None
    assert slots.take(Ask(Resources(memory_bytes=1))) is None


def test_cpu_shares_add_up() -> None:
    slots = Slots(Capacity(jobs=9, cpu=2.0))

    assert slots.take(Ask(Resources(cpu=1.5))) is not None
    assert slots.take(Ask(Resources(cpu=1.0))) is None
    assert slots.take(Ask(Resources(cpu=0.5))) is not None


def test_more_gpus_than_there_are_is_impossible_and_said_so() -> None:
    assert "2 GPU" in (Slots(Capacity(jobs=1, gpus=1)).impossible(Resources(gpu=2)) or "")
