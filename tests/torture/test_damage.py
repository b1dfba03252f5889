"""Ten thousand planted damages, each found; and nothing found in a store that others write to all the while."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "app"))

from broken_store import break_and_look, fill, in_memory, look
from store_load import Load

from traintrack.storages.local import open_local

pytestmark = pytest.mark.torture

DAMAGES = 10_000
LOAD_S = float(os.environ.get("TRAINTRACK_LOAD_S", "120"))


def test_each_of_ten_thousand_damages_is_found_and_nothing_else_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}\n")
    chance = random.Random(seed)
    planted, missed, invented = 0, [], []
    with in_memory(tmp_path) as folder:
        fill(folder / "store", 60, chance)
        while planted < DAMAGES:
            done = break_and_look(folder / "store", folder / "copy", chance)
            planted += len(done.planted)
            missed += done.missed
            invented += done.invented

    assert (missed, invented) == ([], [])


def test_nothing_is_found_for_minutes_while_four_processes_write_force_and_heal(tmp_path: Path) -> None:
    found, looks, until = [], 0, time.monotonic() + LOAD_S
    with in_memory(tmp_path) as folder:
        fill(folder / "store", 10, random.Random(1))
        storage = open_local(folder / "store")
        with Load(folder / "store", 4) as load:
            while time.monotonic() < until:
                found += look(storage).findings
                looks += 1
            written = load.stop()

    assert found == []
    assert looks > 2
    assert written > 100
