"""What a command costs that has nothing to do: processor time, peak memory, modules and files, medians of whole processes.

    python bench/nothing_to_do.py [COUNT] [REPEATS]

The state is seeded (`seed_store.py`), not run. "full" is the whole program with caches off.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from layered_graph import COMPILED, commit, label, write_workspace

PROGRAM = (sys.executable, "-m", "traintrack")


def measure(
    words: list[str], root: Path, repeats: int, before: Callable[[], None] = lambda: None, **environ: str
) -> tuple[float, float, float]:
    """Medians of one command: processor seconds, wall-clock seconds, peak memory in MiB."""
    rows = []
    for _ in range(repeats):
        before()
        began = time.monotonic()
        process = subprocess.Popen(
            [*PROGRAM, *words],
            cwd=root,
            env={**COMPILED, **environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"`traintrack {' '.join(words)}` ended with {process.returncode}")
        # macOS counts bytes, Linux KiB.
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        rows.append((used.ru_utime + used.ru_stime, time.monotonic() - began, used.ru_maxrss / unit))
    cpu, wall, memory = zip(*rows, strict=True)
    return statistics.median(cpu), statistics.median(wall), statistics.median(memory)


def touch_shards(root: Path) -> None:
    """Give every folder of cells a new time, as a write of any cell in it would."""
    for shard in Path(f"{root}-store").glob("ns/default/cell/*"):
        os.utime(shard)


def main() -> None:
    """Print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "layered")
        os.environ["XDG_CACHE_HOME"] = str(Path(folder, "cache"))
        write_workspace(root, count)
        commit(root)
        # In a process of its own: what this one once held would count as the floor of every child's memory.
        subprocess.run([sys.executable, str(Path(__file__).with_name("seed_store.py")), str(root)], check=True)
        one = label(count - 1, count)
        print(f"{count} targets, {repeats} times each         cpu ms   wall ms   peak MiB")
        rows: list[tuple[str, list[str], dict[str, str]]] = [
            ("--version", ["--version"], {}),
            ("--help", ["--help"], {}),
            ("hash //..., full", ["hash", "//..."], {"TRAINTRACK_NO_CACHE": "1"}),
            ("run //..., full", ["run", "//..."], {"TRAINTRACK_NO_CACHE": "1"}),
            ("run one, full", ["run", one], {"TRAINTRACK_NO_CACHE": "1"}),
            ("run -n //..., files parsed before", ["run", "-n", "//..."], {}),
            ("hash //...", ["hash", "//..."], {}),
            ("run //..., every cell read", ["run", "//..."], {}),
            ("run //...", ["run", "//..."], {}),
            ("run one", ["run", one], {}),
        ]
        for name, words, environ in rows:
            if not environ:
                measure(words, root, 1)
            if name == "run //...":
                time.sleep(2.5)  # a folder that changed a moment ago is not trusted
                measure(words, root, 1)
            changes = partial(touch_shards, root) if name.endswith("cell read") else lambda: None
            cpu, wall, memory = measure(words, root, repeats, changes, **environ)
            print(f"{name:<36} {cpu * 1000:8.0f} {wall * 1000:9.0f} {memory:10.1f}")


if __name__ == "__main__":
    main()
