"""Urgency: the longest recorded chain goes first."""

from __future__ import annotations

from traintrack.digest import TargetId
from traintrack.execute.critical_path import UNKNOWN_S, urgency


def test_urgency_is_the_longest_chain_that_a_target_begins() -> None:
    data, long, short, end = (TargetId(n) for n in ("data", "long", "short", "end"))
    needs = {data: (), long: (data,), short: (data,), end: (long, short)}

    found = urgency((data, long, short, end), needs, {data: 1.0, long: 100.0, short: 2.0, end: 5.0})

    assert found == {end: 5.0, short: 7.0, long: 105.0, data: 106.0}


def test_a_target_that_never_ran_is_not_left_for_last() -> None:
    new, quick = TargetId("new"), TargetId("quick")

    found = urgency((new, quick), {new: (), quick: ()}, {quick: 0.1})

    assert found[new] == UNKNOWN_S > found[quick]
