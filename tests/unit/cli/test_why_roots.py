"""Causes at their roots: each once, with all in which it shows."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.app.answers import Cause, WhyAnswer
from traintrack.cli.why_answer import why_lines
from traintrack.cli.why_roots import roots_of
from traintrack.digest import TargetId
from traintrack.errors import Location

PLACE = Location("a/TTCONFIG.yaml", 3, 5)
OLD, NEW = "1" * 64, "2" * 64


def edited(field: str, old: object = 3, new: object = 5) -> Cause:
    return Cause(field, old, new, PLACE, "abc ada today Train longer")


def through(field: str, label: str, *causes: Cause, note: str | None = None) -> Cause:
    return Cause(field, OLD, NEW, PLACE, None, label, causes, note)


def told(*causes: Cause) -> list[tuple[str, list[str], list[str]]]:
    return [(root.words, list(root.items), list(root.targets)) for root in roots_of("//a:best", causes)]


def lines(causes: Sequence[Cause], *, tree: bool = False) -> list[str]:
    answer = WhyAnswer("//a:best", TargetId(NEW), "will run", TargetId(OLD), "r-1", tuple(causes))
    return [
        "".join(part if isinstance(part, str) else part.text for part in line) for line in why_lines(answer, tree=tree)
    ]


def test_one_edit_is_one_root_wherever_it_shows() -> None:
    models = [through(f"args.m[k={k}]", f"//a:model@k={k}", edited("args.epochs")) for k in range(3)]

    assert told(*models) == [("args.epochs  3 → 5", [], [f"//a:model@k={k}" for k in range(3)])]


def test_other_values_and_places_are_other_roots() -> None:
    causes = [edited("args.lr"), edited("args.lr", 3, 9), Cause("args.lr", 3, 5, Location("b", 1, 1))]

    assert [words for words, _, _ in told(*causes)] == ["args.lr  3 → 5", "args.lr  3 → 9", "args.lr  3 → 5"]


def test_items_of_a_list_that_went_and_came_are_told_together() -> None:
    causes = [Cause(f"args.m[k={k}]", OLD, None, PLACE) for k in range(4)]
    causes += [Cause("args.m[k=9]", None, NEW, PLACE)]

    assert told(*causes) == [
        ("args.m  gone:", ["[k=0]", "[k=1]", "[k=2]", "[k=3]"], ["//a:best"]),
        ("args.m  new:", ["[k=9]"], ["//a:best"]),
    ]


def test_what_was_explained_above_is_no_root_and_what_is_not_followed_is() -> None:
    deep = through("args.m", "//a:m", edited("args.n"))
    again = through("args.o", "//a:m", note="explained above")
    lost = through("args.p", "//a:p", note="the record of its old ID is lost")
    other = Cause("args.q", OLD, NEW, PLACE, None, "//a:q", note="another target: //a:x → //a:q", old_label="//a:x")

    assert [words for words, _, _ in told(deep, again, lost, other)] == [
        "args.n  3 → 5",
        "args.p  the record of its old ID is lost",
        "args.q  another target: //a:x → //a:q",
    ]


def test_a_short_tree_is_shown_and_a_long_one_by_its_roots_unless_it_is_asked_for() -> None:
    few = [through("args.m", "//a:model", edited("args.epochs"))]
    many = [through(f"args.m[k={k}]", f"//a:model@k={k}", edited("args.epochs")) for k in range(30)]

    assert len(lines(few)) == 4
    assert lines(many)[2:] == [
        "  args.epochs  3 → 5   a/TTCONFIG.yaml:3:5   abc ada today Train longer",
        "    in //a:model@* (30)",
        "the way from there to here, 60 lines: traintrack why //a:best --tree",
    ]
    assert len(lines(many, tree=True)) == 62
