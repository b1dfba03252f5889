"""What it costs to make a result durable: hashing, publishing and syncing 1 GiB in 1 file and in 10,000; and to hand it on.

    python bench/commit_bytes.py [MIB] [FILES] [REPEATS]

The bytes are written and synced before the clock starts: a task has done that. `cp --reflink=never` of the same bytes with a
sync is the measure beside it.
"""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from traintrack.action.job import Output
from traintrack.storages.local import LocalStorage, open_local

MIB = 1 << 20


def fill(folder: Path, size_bytes: int, files: int) -> None:
    """Write random bytes of that size in all into so many files, 100 to a folder."""
    block = secrets.token_bytes(MIB)
    each = size_bytes // files
    for number in range(files):
        path = folder / f"{number // 100:03}" / f"{number:05}.bin"
        path.parent.mkdir(exist_ok=True)
        with open(path, "wb") as file:
            # No two files are equal.
            file.write(number.to_bytes(8, "big"))
            left = each - 8
            while left > 0:
                left -= file.write(block[:left])


def commit(store: LocalStorage, name: str, size_bytes: int, files: int) -> tuple[float, float]:
    """Seconds to commit, and to hand the whole to a consumer, which looks at each file's facts."""
    stage = store.staging.new_stage(name)
    fill(stage, size_bytes, files)
    os.sync()
    began = time.monotonic()
    result = store.artifacts.publish(Output(str(stage), store.staging.scan(stage)))
    # What a commit of the cell does: the bytes before it, the cell after them.
    sync_store(store)
    sync_store(store)
    took = time.monotonic() - began
    began = time.monotonic()
    if store.artifacts.check(result) is not None:
        raise SystemExit("what was just stored is damaged")
    return took, time.monotonic() - began


def sync_store(store: LocalStorage) -> None:
    """Sync the file system of the store, as a commit does."""
    subprocess.run(["sync", "-f", store.name], check=True)


def copy(source: Path, target: Path) -> float:
    """Seconds of `cp` and a sync of the same bytes."""
    began = time.monotonic()
    subprocess.run(["cp", "-r", "--reflink=never", source, target], check=True)
    subprocess.run(["sync", "-f", target], check=True)
    return time.monotonic() - began


def main() -> None:
    """Print a table."""
    asked = [int(word) for word in sys.argv[1:]]
    size_bytes, many, repeats = (asked + [1024, 10_000, 3][len(asked) :])[:3]
    size_bytes *= MIB
    print(f"{size_bytes // MIB} MiB, {repeats} times each       commit s   hand on ms   cp and sync s")
    for files in (1, many):
        rows = []
        for turn in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                store = open_local(Path(folder, "store"))
                took, handed = commit(store, f"bench{turn}", size_bytes, files)
                source = next(Path(folder, "store", "artifact").glob("*/*"))
                rows.append((took, handed * 1000, copy(source, Path(folder, "copy"))))
                subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        medians = [statistics.median(column) for column in zip(*rows, strict=True)]
        print(f"{files:>6} files {medians[0]:>31.2f} {medians[1]:>12.1f} {medians[2]:>15.2f}")


if __name__ == "__main__":
    main()
