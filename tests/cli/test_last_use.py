"""Doing nothing tells once a day that results were used, and costs nothing on the same day."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_nothing_to_do import READS_CELLS, Bench

TOMORROW = "import time; now = time.time; time.time = lambda: now() + 86_400\n"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def uses(bench: Bench) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((bench.small.root / "store" / "use").iterdir())]


def test_the_first_run_of_a_day_writes_down_what_was_used_and_the_next_ones_do_not(bench: Bench) -> None:
    first = bench.watch("run", "//...")
    [said] = uses(bench)
    second = bench.watch("run", "//...")

    assert (first.code, second.code) == (0, 0)
    assert set(said["ids"]) == {bench.small.id_of("//a:data"), bench.small.id_of("//a:train")}
    assert second.ours <= READS_CELLS
    assert uses(bench) == [said]


def test_on_the_next_day_it_is_told_anew_and_then_is_quick_again(bench: Bench) -> None:
    bench.watch("run", "//...")
    [said] = uses(bench)
    first = bench.watch("run", "//...", before=TOMORROW)
    [said_again] = uses(bench)
    second = bench.watch("run", "//...", before=TOMORROW)

    assert "msgspec" in first.modules
    assert said_again["time"] != said["time"]
    assert second.ours <= READS_CELLS
    assert uses(bench) == [said_again]


def test_a_store_that_cannot_be_written_is_used_all_the_same(bench: Bench) -> None:
    store = bench.small.root / "store"
    (store / "use").write_text("a file where the folder should be")

    done = bench.watch("run", "//...")

    assert done.code == 0
    assert "Traceback" not in done.err
