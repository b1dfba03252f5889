from __future__ import annotations

from pathlib import Path

from small_workspace import Small

from traintrack.action.cell import FreeReason, evict
from traintrack.app.answers import TargetStatus
from traintrack.app.status import status


def rows(small: Small) -> dict[str, TargetStatus]:
    return {row.label: row for row in status(small.project(), small.environment(), ["//..."])}


def states(small: Small) -> dict[str, str]:
    return {label: row.state for label, row in rows(small).items()}


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    small = Small(tmp_path)

    found = rows(small)

    assert [row.state for row in found.values()] == ["missing", "missing"]
    assert found["//a:train"].detail == "never built"
    assert found["//a:train"].id == small.id_of("//a:train")


def test_a_result_is_cached_with_time_and_size(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data", files={"x": b"12345"})

    row = rows(small)["//a:data"]

    assert (row.state, row.since, row.size_bytes) == ("cached", "2026-04-16T10:01:30Z", 5)


def test_a_result_of_an_older_recipe_is_stale(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data", "//a:train")
    small.edit("a/TTCONFIG.yaml", "rows: 10", "rows: 11")

    assert states(small) == {"//a:data": "stale", "//a:train": "stale"}


def test_an_older_result_that_was_evicted_does_not_make_it_stale(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data")
    cells = small.environment().storage.cells
    [seen] = cells.read([small.id_of("//a:data")]).values()
    cells.swap(seen, evict(seen.cell, FreeReason.EVICTED))
    assert rows(small)["//a:data"].detail == "evicted"
    small.edit("a/TTCONFIG.yaml", "rows: 10", "rows: 11")

    assert states(small)["//a:data"] == "missing"


def test_a_failure_is_told_in_words(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.fail("//a:data")

    row = rows(small)["//a:data"]

    assert (row.state, row.detail, row.since) == ("failed", "the task failed: exit 3", "2026-04-16T10:01:00Z")


def test_what_another_run_makes_is_running_until_that_run_is_gone(tmp_path: Path) -> None:
    small = Small(tmp_path)
    with small.hold("//a:data", "r-other"):
        held = rows(small)["//a:data"]
    left = rows(small)["//a:data"]

    assert held.state == "running"
    assert "in r-other" in held.detail
    assert left.state == "missing"
    assert "the next run takes over" in left.detail
