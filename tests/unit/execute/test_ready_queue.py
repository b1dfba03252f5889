"""The ready queue: order, joining late, dropping."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from traintrack.execute.ready_queue import ReadyQueue


def test_a_target_is_held_back_until_what_it_needs_is_done() -> None:
    ready: ReadyQueue[str] = ReadyQueue({"train": (), "evaluate": ("train",)})

    assert ready.take() == "train"
    assert ready.take() is None
    ready.done("train")
    assert ready.take() == "evaluate"
    assert ready.take() is None


def test_the_most_urgent_comes_first_then_what_joined_first() -> None:
    ready: ReadyQueue[str] = ReadyQueue({"b": (), "a": (), "c": ()}, {"c": 9.0})

    assert [ready.take(), ready.take(), ready.take()] == ["c", "b", "a"]


def test_a_need_that_is_not_in_the_queue_stands_already() -> None:
    ready: ReadyQueue[str] = ReadyQueue({"b": ("a",)})

    assert ready.take() == "b"


def test_dropping_takes_out_all_that_needs_it_directly_or_not() -> None:
    ready: ReadyQueue[str] = ReadyQueue({"a": (), "b": ("a",), "c": ("b",), "d": ()})
    ready.take()

    assert ready.drop("a") == ["b", "c"]
    assert ready.take() == "d"
    assert len(ready) == 0


def test_a_target_may_come_back_with_new_needs() -> None:
    ready: ReadyQueue[str] = ReadyQueue({"a": ()})
    ready.take()
    ready.done("a")

    ready.add({"lost": (), "a": ("lost",)})

    assert ready.take() == "lost"
    assert ready.take() is None
    ready.done("lost")
    assert ready.take() == "a"


def test_clearing_returns_what_was_not_taken() -> None:
    ready: ReadyQueue[str] = ReadyQueue({"a": (), "b": ("a",), "c": ()})
    ready.take()

    assert ready.clear() == ["b", "c"]
    assert ready.take() is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=120))
def test_every_target_of_an_acyclic_graph_is_taken_once_and_after_its_needs(pairs: list[tuple[int, int]]) -> None:
    needs: dict[str, set[str]] = {f"{n:02}": set() for n in range(31)}
    for one, other in pairs:
        if one != other:
            needs[f"{max(one, other):02}"].add(f"{min(one, other):02}")
    ready: ReadyQueue[str] = ReadyQueue(needs)
    taken: list[str] = []

    while (target := ready.take()) is not None:
        assert needs[target] <= set(taken)
        taken.append(target)
        ready.done(target)

    assert sorted(taken) == sorted(needs)
