"""The line of those that found no room: order, rows that are refused as one, families that are set aside."""

from __future__ import annotations

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from traintrack.action.action import Resources
from traintrack.action.parallel import Parallel, tightest
from traintrack.execute.line import Line
from traintrack.execute.slots import Ask, Capacity, Grant, Slots

TWO = Ask(Resources(), Parallel("//:train", 2))
FREE = Ask(Resources())


def taken(line: Line[str], slots: Slots) -> list[str]:
    return [target for target, _ in line.take(slots)]


def test_the_most_urgent_is_taken_first_whatever_it_asks_for() -> None:
    line: Line[str] = Line()
    line.join("late", FREE, 1.0)
    line.join("small", Ask(Resources(cpu=0.5)), 2.0)
    line.join("soon", FREE, 3.0)

    assert taken(line, Slots(Capacity(jobs=9))) == ["soon", "small", "late"]


def test_a_family_gets_its_places_and_those_behind_it_are_not_held_up() -> None:
    line: Line[str] = Line()
    for name in ("a", "b", "c", "d"):
        line.join(name, TWO, 9.0)
    line.join("other", FREE)

    assert taken(line, Slots(Capacity(jobs=9))) == ["a", "b", "other"]
    assert len(line) == 2
    assert not line.is_open


def test_a_place_that_is_given_back_goes_to_the_next_of_the_family() -> None:
    line, slots = Line[str](), Slots(Capacity(jobs=9))
    for name in ("a", "b", "c", "d"):
        line.join(name, TWO)
    (_, first), _ = line.take(slots)

    assert taken(line, slots) == []
    slots.give_back(first)
    line.freed(first.family)
    assert taken(line, slots) == ["c"]


def test_members_with_other_resources_and_other_bounds_count_in_one_family() -> None:
    line, slots = Line[str](), Slots(Capacity(jobs=9))
    line.join("wide", Ask(Resources(cpu=2.0), Parallel("//:train", 3)), 3.0)
    line.join("a", TWO, 2.0)
    line.join("b", TWO, 1.0)
    line.join("third", Ask(Resources(), Parallel("//:train", 3)))

    assert taken(line, slots) == ["wide", "a", "third"]
    assert taken(line, slots) == []


def test_who_leaves_is_not_taken_and_who_comes_back_keeps_its_rank() -> None:
    line, slots = Line[str](), Slots(Capacity(jobs=9))
    for name in ("a", "b", "c"):
        line.join(name, FREE)

    assert line.leave("a")
    assert not line.leave("a")
    line.leave("b")
    line.join("a", FREE)
    assert taken(line, slots) == ["a", "c"]
    assert line.clear() == []


def test_clear_takes_out_those_who_were_set_aside_too() -> None:
    line: Line[str] = Line()
    line.join("b", Ask(Resources(), Parallel("//:train", 1)))
    line.join("a", Ask(Resources(), Parallel("//:train", 1)))
    line.take(Slots(Capacity(jobs=9)))

    assert line.clear() == ["a"]
    assert len(line) == 0
    assert not line.is_open


def test_a_long_row_of_a_full_family_costs_nothing_while_others_come_and_go() -> None:
    line, slots = Line[str](), Slots(Capacity(jobs=3))
    for n in range(20_000):
        line.join(f"m{n}", TWO)
    line.take(slots)

    began = time.process_time()
    for n in range(10_000):
        line.join(f"other{n}", FREE)
        ((_, grant),) = line.take(slots)
        slots.give_back(grant)
        line.freed(grant.family)
    assert time.process_time() - began < 2.0


_MEMBERS = st.lists(st.tuples(st.sampled_from(["//:a", "//:b", ""]), st.integers(1, 3), st.integers(0, 3)), max_size=25)


@given(_MEMBERS, st.integers(1, 4), st.integers())
def test_nobody_is_forgotten_and_no_room_stays_empty(members: list[tuple[str, int, int]], jobs: int, seed: int) -> None:
    line, slots = Line[str](), Slots(Capacity(jobs=jobs))
    asks = {f"t{n:02}": Ask(Resources(), Parallel(f, most) if f else None) for n, (f, most, _) in enumerate(members)}
    for (name, ask), (_, _, urgency) in zip(asks.items(), members, strict=True):
        line.join(name, ask, float(urgency))
    chance, held = random.Random(seed), dict[str, Grant]()
    waiting = set(asks)
    while waiting or held:
        for name, grant in line.take(slots):
            held[name] = grant
            waiting.remove(name)
        at_once = {ask.family: sum(asks[h].family == ask.family for h in held) for ask in asks.values()}

        assert len(held) <= jobs
        for name in waiting:
            parallel = asks[name].parallel
            assert len(held) == jobs or (parallel is not None and at_once[parallel.family] >= parallel.most)
        ended = chance.choice(sorted(held))
        grant = held.pop(ended)
        slots.give_back(grant)
        line.freed(grant.family)


def test_the_smaller_bound_holds_where_two_labels_are_one_action() -> None:
    four, two = Parallel("//:a", 4), Parallel("//:b", 2)

    assert tightest(four, two) == two
    assert tightest(two, four) == two
    assert tightest(None, four) == four
    assert tightest(four, None) == four
    assert tightest(None, None) is None
