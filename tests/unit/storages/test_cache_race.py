from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cache_user import LIMIT_BYTES

from traintrack.storages.cache.cache import open_cache

PROCESSES = 8
SECONDS = 10


def test_nobody_misses_what_it_uses_while_many_processes_fetch_and_evict_and_die(tmp_path: Path) -> None:
    user = Path(__file__).with_name("cache_user.py")
    users = [
        subprocess.Popen(
            [sys.executable, str(user), str(tmp_path / "cache"), str(seed), str(SECONDS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]
    said = [user.communicate(timeout=120) for user in users]

    assert [user.returncode for user in users] == [0] * PROCESSES, said
    ran, killed = (sum(int(out.split()[n]) for out, _ in said) for n in (0, 1))
    taken = (tmp_path / "taken").stat().st_size
    assert killed > 10
    assert ran > 10 * PROCESSES
    assert taken * 3 * 4608 > 4 * LIMIT_BYTES, "nothing had to go"
    cache = open_cache(tmp_path / "cache", LIMIT_BYTES)
    assert cache.shrink(LIMIT_BYTES).left_bytes <= LIMIT_BYTES
    assert cache.shrink(0).left_bytes == 0
    for folder in ("stage", "part", "trash"):
        assert os.listdir(tmp_path / "cache" / folder) == []
