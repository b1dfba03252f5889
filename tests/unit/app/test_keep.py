from __future__ import annotations

from datetime import UTC, datetime, timedelta

from traintrack.action.cell import Cell, CellState, FreeReason, Owner, Phase, Result
from traintrack.action.keep import longest
from traintrack.app.keep import Facts, Stays, judge
from traintrack.app.stock import Item
from traintrack.digest import ArtifactDigest, ContentDigest, TargetId
from traintrack.ports.storage import Seen

NOW = datetime(2026, 4, 16, tzinfo=UTC)
DAY = 86_400.0


def done(artifact: str, home: str = "") -> Cell:
    return Cell(CellState.DONE, 1, "n", result=Result(ArtifactDigest(artifact), ContentDigest("m"), ContentDigest("r")))


def item(name: str, days: float, keep=None, inputs=(), home: str = "", artifact: str | None = None) -> Item:
    """A result that was last used so many days ago."""
    artifact = artifact or f"artifact of {name}"
    return Item(
        Seen(TargetId(name), done(artifact), "v"),
        ArtifactDigest(artifact),
        label=f"//a:{name}",
        last_use=NOW - timedelta(days=days),
        keep=keep,
        inputs=inputs,
        home=home,
    )


def verdict(one: Item, *others: Item, cells=None, roots=(), default_s: float = 180 * DAY) -> Stays | None:
    items = (one, *others)
    known = {i.id: i.seen.cell for i in items} | (cells or {})
    return judge(items, Facts(known, roots, NOW, default_s))[one.id]


def test_a_result_goes_when_it_was_not_used_for_180_days() -> None:
    assert verdict(item("a", 179.9)) is Stays.USED
    assert verdict(item("a", 180.1)) is None


def test_what_was_said_counts_before_the_default_in_both_directions() -> None:
    assert verdict(item("a", 31, keep=30 * DAY)) is None
    assert verdict(item("a", 300, keep=365 * DAY), default_s=0.0) is Stays.USED
    assert verdict(item("a", 9999, keep="forever"), default_s=0.0) is Stays.FOREVER


def test_with_a_default_of_nothing_all_goes_but_what_is_rooted_or_read() -> None:
    reader = Cell(
        CellState.HELD, 1, "n", owner=Owner("t", "r"), phase=Phase.RUNNING, inputs=(ArtifactDigest("artifact of b"),)
    )

    assert verdict(item("a", 0), default_s=0.0) is None
    assert verdict(item("a", 0), roots={"a"}, default_s=0.0) is Stays.ROOT
    assert verdict(item("b", 0), cells={"c": reader}, default_s=0.0) is Stays.READ


def test_what_was_made_from_collected_bytes_stays() -> None:
    gone = Cell(CellState.FREE, 2, "n", free=FreeReason.EVICTED)
    made = item("model", 999, inputs=(("data", "artifact of data"),))

    assert verdict(made, cells={"data": gone}) is Stays.MADE_FROM_GONE
    assert verdict(made, item("data", 999)) is None
    assert verdict(made, cells={"data": gone, "same": done("artifact of data")}) is None


def test_what_was_made_from_data_that_stays_outside_may_go() -> None:
    assert verdict(item("model", 999, inputs=(("bucket", "listing"),))) is None


def test_results_whose_bytes_are_elsewhere_or_whose_age_is_unknown_stay() -> None:
    seen = Seen(TargetId("x"), done("x"), "v")

    assert verdict(item("a", 999, home="s3://team")) is Stays.ELSEWHERE
    assert verdict(Item(seen, ArtifactDigest("x"), is_known=False), default_s=0.0) is Stays.UNKNOWN


def test_of_two_labels_with_one_recipe_the_longer_word_counts() -> None:
    assert longest(None, 5.0) == 5.0
    assert longest(5.0, 7.0) == 7.0
    assert longest("forever", 7.0) == "forever"
    assert longest(None, None) is None
