"""An artifact of very many files in a folder: what it takes of memory to commit and to check it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = """
import os, sys
from pathlib import Path
from traintrack.action.job import Output
from traintrack.storages.local import open_local
files, root = int(sys.argv[1]), Path(sys.argv[2])
storage = open_local(root)
stage = storage.staging.new_stage("flight.1")
for number in range(files):
    if number % 1000 == 0:
        folder = f"{stage}/{number // 1000:03}"
        os.mkdir(folder)
    with open(f"{folder}/{number:06}.bin", "wb", buffering=0) as file:
        file.write(number.to_bytes(8, "big"))
result = storage.artifacts.publish(Output(str(stage), storage.staging.scan(stage)))
assert open_local(root).artifacts.check(result) is None
(notes,) = root.glob("layout/*/*")
notes.unlink()
assert open_local(root).artifacts.check(result) is None
assert notes.stat().st_size > 30 * files
print(next(int(line.split()[1]) >> 10 for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def peak_mib(root: Path, files: int) -> int:
    """The most that a process takes which commits so many files, checks them by their notes, and hashes them again."""
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, str(files), str(root)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_sixty_thousand_files_take_little_memory(tmp_path: Path) -> None:
    assert peak_mib(tmp_path / "s", 60_000) <= 62


@pytest.mark.torture
def test_six_hundred_thousand_files_take_less_than_five_hundred_mebibytes(tmp_path: Path) -> None:
    assert peak_mib(tmp_path / "s", 600_000) <= 500
