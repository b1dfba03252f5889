"""The server as a process is set as the one in a thread is, and can be stopped and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

from traintrack.testing.s3_server import SLOW_DOWN, Access, DeliverLate, Right, Rule, S3Process, Verb, running_process
from traintrack.testing.s3_server.s3_error import S3Error

MIB = 1 << 20


@pytest.fixture
def process(tmp_path: Path) -> Iterator[S3Process]:
    with running_process(tmp_path / "s3", Access({"ci": "secret"})) as process:
        process.buckets.make("models")
        yield process


@pytest.fixture
def opened(process: S3Process) -> Callable[..., S3Store]:
    def opened(timeout_s: float = 30.0) -> S3Store:
        return S3Store(
            "models",
            config=process.environ(),
            client_options={"allow_http": True, "timeout": timedelta(seconds=timeout_s)},
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=30)},
        )

    return opened


def test_a_test_looks_into_another_process_and_sets_it(process: S3Process, opened: Callable[..., S3Store]) -> None:
    store = opened()
    process.faults.add(Rule(SLOW_DOWN, ("PutObject",), nth=1), Rule(DeliverLate(), ("PutObject",), nth=2))

    for _ in range(2):
        with pytest.raises(BaseError):
            obstore.put(store, "a", b"1")
    assert (process.faults.met(), process.buckets.keys("models")) == ((1, 1), [])
    assert process.late.deliver() == 1
    assert process.buckets.read("models", "a") == b"1"
    assert [one.status for one in process.log.requests("PutObject")] == [503, 0, 200]
    process.allow(Access({"ci": "secret"}, (Right("ci", (Verb.READ,)),)))
    with pytest.raises(BaseError, match="AccessDenied"):
        obstore.put(store, "a", b"2")
    with pytest.raises(S3Error, match="BucketAlreadyOwnedByYou"):
        process.buckets.make("models")


def test_a_paused_server_answers_when_it_goes_on(process: S3Process, opened: Callable[..., S3Store]) -> None:
    obstore.put(opened(), "a", b"1")
    process.pause()

    with pytest.raises(BaseError):
        obstore.get(opened(0.3), "a")
    process.go_on()
    assert bytes(obstore.get(opened(), "a").bytes()) == b"1"


def test_a_killed_server_is_gone(process: S3Process, opened: Callable[..., S3Store]) -> None:
    process.kill()

    with pytest.raises(BaseError):
        obstore.get(opened(), "a")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_a_large_body_is_never_in_memory_whole(process: S3Process, opened: Callable[..., S3Store]) -> None:
    store = opened(120)
    before = _peak_bytes(process.pid)
    obstore.put(store, "large", [bytes(MIB)] * 256, chunk_size=64 * MIB)
    obstore.put(store, "whole", bytes(256 * MIB), use_multipart=False)

    assert sum(len(chunk) for chunk in obstore.get(store, "large").stream()) == 256 * MIB
    assert sum(len(chunk) for chunk in obstore.get(store, "whole").stream()) == 256 * MIB
    assert _peak_bytes(process.pid) - before < 32 * MIB


def test_the_command_serves_until_it_is_terminated(tmp_path: Path) -> None:
    words = (sys.executable, "-m", "traintrack.testing.s3_server", "--folder", "s3", "--port-file", "ports.json")
    command = subprocess.Popen(words, cwd=tmp_path)
    try:
        end = time.monotonic() + 30
        while not (tmp_path / "ports.json").exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        mode = (tmp_path / "ports.json").stat().st_mode
    finally:
        command.terminate()

    assert command.wait(10) == 0
    assert mode & 0o077 == 0


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    text = (
        "import os, sys; from traintrack.testing.s3_server import S3Process;"
        "print(S3Process(sys.argv[1]).pid, flush=True); os._exit(0)"
    )
    told = subprocess.run((sys.executable, "-c", text, str(tmp_path / "s3")), stdout=subprocess.PIPE, check=True)
    pid = int(told.stdout)

    end = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    outlived = _runs(pid)
    if outlived:
        os.kill(pid, signal.SIGKILL)
    assert not outlived


def _runs(pid: int) -> bool:
    told = subprocess.run(("ps", "-o", "stat=", "-p", str(pid)), stdout=subprocess.PIPE, check=False).stdout
    return bool(told.strip()) and not told.startswith(b"Z")


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
