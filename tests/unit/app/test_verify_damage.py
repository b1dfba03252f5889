"""A thousand planted damages; `tests/torture/test_damage.py` plants ten thousand."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from broken_store import Round, break_and_look, fill, look

from traintrack.storages.local import open_local

SEED = 20261121
DAMAGES = 1000


def rounds(folder: Path, damages: int, seed: int) -> list[Round]:
    print(f"seed {seed}")
    chance = random.Random(seed)
    fill(folder / "store", 60, chance)
    assert look(open_local(folder / "store")).findings == ()
    done: list[Round] = []
    while sum(len(one.planted) for one in done) < damages:
        done.append(break_and_look(folder / "store", folder / f"copy-{len(done)}", chance))
    return done


def test_each_of_a_thousand_damages_is_found_by_its_path_and_nothing_else_is(tmp_path: Path) -> None:
    done = rounds(tmp_path, DAMAGES, SEED)

    assert [missed for one in done for missed in one.missed] == []
    assert [invented for one in done for invented in one.invented] == []
    ways = Counter((planted.what, planted.how) for one in done for planted in one.planted)
    assert sum(ways.values()) >= DAMAGES
    assert len(ways) == 12 + 4 * 5
