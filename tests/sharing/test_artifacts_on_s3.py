"""Artifacts over the strict server: what goes there comes back, whatever becomes of the answers; in little memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from traintrack.action.cell import Result
from traintrack.action.job import Output
from traintrack.digest import content_digest
from traintrack.storages.cache.cache import Cache, open_cache
from traintrack.storages.objects.artifacts import ObjectArtifacts
from traintrack.storages.objects.kept import ObjectKept
from traintrack.storages.objects.keys import Keys, digest_of
from traintrack.storages.objects.notebook import Notebook
from traintrack.storages.objects.pace import RealPace
from traintrack.storages.objects.rounds import Rounds
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.s3_server import (
    SLOW_DOWN,
    CutBody,
    FlipBit,
    Hold,
    LoseAnswer,
    Rule,
    S3Server,
    running_server,
)
from traintrack.testing.storage_suite import published

__all__ = ["Output", "Result"]

MIB = 1 << 20
FILES = {
    "a.txt": b"aaaa",
    "d/b.bin": b"b" * 5000,
    "d/empty": b"",
    "große Datei ü\U0001f600.bin": bytes(range(256)) * 2048,
    "exact.bin": b"x" * MIB,
    "large.bin": bytes(range(1, 255)) * 80_000,
    **{f"many/{n:03}": b"%d" % n * 100 for n in range(300)},
}


class Engineer:
    """One who uses the bucket from a machine of their own."""

    def __init__(self, folder: Path) -> None:
        self.cache: Cache = open_cache(folder / "store")
        bucket, keys, pace = S3Bucket("s3://models/team"), Keys(), RealPace()
        rounds = Rounds(bucket, keys, pace)
        rounds.create()
        kept = ObjectKept(bucket, pace, self.cache.kept, Notebook(folder / "notes.sqlite"))
        self.artifacts = ObjectArtifacts(bucket, keys, rounds, pace, kept, self.cache)
        self.staging = self.cache.staging


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with running_server(tmp_path / "s3") as server:
        server.buckets.make("models")
        for name, value in server.environ().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def maker(server: S3Server, tmp_path: Path) -> Engineer:
    return Engineer(tmp_path / "maker")


@pytest.fixture
def reader(server: S3Server, tmp_path: Path) -> Engineer:
    return Engineer(tmp_path / "reader")


def content(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_what_one_engineer_publishes_another_has_byte_for_byte(maker: Engineer, reader: Engineer) -> None:
    result = published(maker, FILES)

    assert reader.artifacts.check(result) is None
    assert reader.artifacts.fetch(result, "many") is None
    assert reader.artifacts.fetch(result) is None
    assert content(reader.artifacts.path(result.artifact)) == dict(sorted(FILES.items()))


def test_with_a_third_of_all_answers_bad_the_bytes_come_right(
    maker: Engineer, reader: Engineer, server: S3Server
) -> None:
    for effect in (SLOW_DOWN, LoseAnswer(), CutBody()):
        server.faults.add(Rule(effect, key="*/data/*", probability=0.12, seed=7))

    result = published(maker, FILES)
    assert reader.artifacts.fetch(result) is None

    assert content(reader.artifacts.path(result.artifact)) == dict(sorted(FILES.items()))


def test_bits_that_flip_on_the_way_are_noticed_and_read_again(
    maker: Engineer, reader: Engineer, server: S3Server
) -> None:
    result = published(maker, FILES)
    digests = {content_digest(data): name for name, data in FILES.items()}
    keys = [key for key in server.buckets.keys("models") if "/data/" in key and not key.endswith(result.layout)]
    assert {digests.get(digest_of(key)) for key in keys} == {None, "exact.bin", "large.bin"}
    for key in keys:
        server.faults.add(Rule(FlipBit(), operations=("GetObject",), key=key, times=1))

    assert reader.artifacts.fetch(result) is None

    assert content(reader.artifacts.path(result.artifact)) == dict(sorted(FILES.items()))


def test_bits_that_stay_flipped_are_damage(maker: Engineer, reader: Engineer, server: S3Server) -> None:
    result = published(maker, FILES)
    key = next(k for k in server.buckets.keys("models") if digest_of(k) == content_digest(FILES["large.bin"]))
    server.faults.add(Rule(FlipBit(), operations=("GetObject",), key=key))

    assert "`large.bin` has other bytes in the store" in (reader.artifacts.fetch(result) or "")
    assert not reader.cache.has(result.artifact)


def test_copies_for_others_have_plain_names(maker: Engineer, server: S3Server) -> None:
    result = published(maker, FILES)

    assert maker.artifacts.copy_out(result, None, "exports/v1/") == len(FILES)

    prefix = "team/exports/v1/"
    keys = [key for key in server.buckets.keys("models") if key.startswith(prefix)]
    assert {key.removeprefix(prefix): server.buckets.read("models", key) for key in keys} == FILES


CLIENT = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_artifacts_on_s3 import Engineer, Output, Result, fill
folder, files, each, result = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:]
engineer = Engineer(folder)
if not result:
    stage = engineer.staging.new_stage("flight.1")
    fill(stage, files, each)
    made = engineer.artifacts.publish(Output(str(stage), engineer.staging.scan(stage)))
    result = [made.artifact, made.manifest, made.layout]
    words = None
else:
    words = engineer.artifacts.fetch(Result(result[0], result[1], "", result[2]))
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps([peak >> 10, result, words]))
"""


def fill(folder: Path, files: int, each: int) -> None:
    """Write so many different files of one size, 1000 to a folder."""
    for number in range(files):
        path = folder / f"{number // 1000:03}" / f"{number:06}.bin"
        path.parent.mkdir(exist_ok=True)
        with open(path, "wb") as file:
            block = number.to_bytes(8, "big") * min(each // 8, 1 << 17)
            file.writelines(block for _ in range(each // len(block)))


def client(folder: Path, files: int, each: int, *result: str) -> list:
    argv = [sys.executable, "-c", CLIENT, str(Path(__file__).parent), str(folder), str(files), str(each), *result]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def shuttled(tmp_path: Path, files: int, each: int) -> int:
    """The peak of memory in MiB of whoever publishes or fetches so many files of one size."""
    made, result, _ = client(tmp_path / "m", files, each)
    fetched, _, words = client(tmp_path / "r", files, each, *result)
    assert words is None
    return max(made, fetched)


@pytest.mark.parametrize(("files", "each"), [(10_000, 12_000), (1, 256 * MIB)])
def test_many_files_and_a_large_one_take_little_memory(server: S3Server, tmp_path: Path, files: int, each: int) -> None:
    assert shuttled(tmp_path, files, each) <= 300


@pytest.mark.torture
def test_six_hundred_thousand_files_take_five_hundred_mebibytes(server: S3Server, tmp_path: Path) -> None:
    assert shuttled(tmp_path, 600_000, 4096) <= 500


def test_one_that_is_killed_while_it_fetches_leaves_only_what_is_swept(
    maker: Engineer, server: S3Server, tmp_path: Path
) -> None:
    result = published(maker, FILES)
    key = next(k for k in server.buckets.keys("models") if digest_of(k) == content_digest(FILES["exact.bin"]))
    server.faults.add(Rule(Hold(), operations=("GetObject",), key=key))
    argv = [sys.executable, "-c", CLIENT, str(Path(__file__).parent), str(tmp_path / "r"), "0", "0"]
    fetching = subprocess.Popen([*argv, result.artifact, result.manifest, result.layout])
    stages = tmp_path / "r/store/stage"
    until = time.monotonic() + 60
    while not (stages.exists() and any(stages.glob("*/many/299"))) and time.monotonic() < until:
        time.sleep(0.02)
    fetching.send_signal(signal.SIGKILL)
    fetching.wait()
    server.faults.clear()
    reader = Engineer(tmp_path / "r")
    assert os.listdir(stages) != []
    assert not reader.cache.has(result.artifact)

    assert reader.artifacts.fetch(result) is None

    assert os.listdir(stages) == []
    assert content(reader.artifacts.path(result.artifact)) == dict(sorted(FILES.items()))
