"""A small workspace with results in a real store, to be damaged and asked; and what must not change meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import signal
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_workspace import EXPERIMENT, Small

from traintrack.action.job import Handle, Job, JobPhase, JobState, Output
from traintrack.cli.program import run_program
from traintrack.ports.storage import Staging
from traintrack.storages.local.removal import remove_tree
from traintrack.testing.fake_runner import FakeRunner

MANY = {f"part/{n}.bin": bytes([n]) * 5000 for n in range(9)}
CONFIG = EXPERIMENT + "  broken: {task: break_it, args: {}}\n  again: {task: train_model, args: {m: ':train/part'}}\n"


class MakingRunner(FakeRunner):
    """Makes real outputs in a store, and starts no process."""

    def __init__(self, staging: Staging) -> None:
        super().__init__()
        self._staging = staging

    def _play(self, handle: Handle, job: Job) -> None:
        stage = self._staging.new_stage(f"made-{threading.get_ident()}-{job.attempt}")
        (stage / "out.txt").write_bytes(job.action.label.encode())
        state = JobState(JobPhase.FINISHED, output=Output(str(stage), self._staging.scan(stage)))
        with self._condition:
            del self._running[handle]
            self._changed[handle] = state
            self._condition.notify_all()


class Shop:
    """The workspace `w`, its store `w/store`, and canaries around both; `restore` undoes what was done to the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.canary = folder / "canary"
        self.canary.mkdir()
        (self.canary / "secret.txt").write_text("nobody may read or change this")
        self.small = Small(folder / "w", {"a/TTCONFIG.yaml": CONFIG})
        self.small.make("//a:data")
        self.small.make("//a:train", files={"weights/best.pt": b"w" * 70_000, "metrics.json": b"{}", **MANY})
        self.small.make("//a:again")
        self.small.fail("//a:broken")
        self.train = self.small.id_of("//a:train")
        self.store = folder / "w" / "store"
        self.out = folder / "out"
        self._backup = folder / "backup"
        shutil.copytree(self.store, self._backup, symlinks=True)

    def restore(self) -> None:
        """Put the store back as it was, and remove what was pulled."""
        for gone in (self.store, self.out):
            if os.path.lexists(gone):
                remove_tree(os.fspath(gone))
        shutil.copytree(self._backup, self.store, symlinks=True)

    def files(self) -> list[Path]:
        """The stored files, sorted: all but locks and the signs of life."""
        kinds = ("ns", "kept", "layout", "label", "run", "hint", "log")
        found = [path for kind in kinds for path in (self.store / kind).rglob("*") if path.is_file()]
        return sorted(path for path in found if "lock" not in path.parts)

    def outside(self) -> dict[str, tuple[object, ...]]:
        """All that stands outside of the store and of the folder that is pulled into."""
        found = {}
        for top, folders, names in os.walk(self.folder):
            folders[:] = [f for f in folders if Path(top, f) not in (self.store, self.out, self._backup)]
            for name in [*names, *folders]:
                path = os.path.join(top, name)
                seen = os.lstat(path)
                data = Path(path).read_bytes() if os.path.isfile(path) and not os.path.islink(path) else b""
                # Git refreshes its index, which changes when and where, but no content.
                when = 0 if "/.git/" in path or name == ".git" else seen.st_mtime_ns
                size = 0 if os.path.isdir(path) else seen.st_size
                found[path] = (seen.st_mode, size, when, hashlib.sha1(data).hexdigest())
        return found


def call(*words: str, directory: Path) -> tuple[int, str, str]:
    """Carry out a command in this process; a bug comes back as exit code 70 with its traceback."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    told = ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run_program(["-C", str(directory), *words])
        except Exception:  # noqa: BLE001 - as `main` does
            code, told = 70, traceback.format_exc()
    return code, _text(out), _text(err) + told


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8", "replace")


def play(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let `run` make outputs without processes, and keep every cache inside of the folder."""
    made = "traintrack.runners.local.LocalRunner"
    monkeypatch.setattr(made, lambda processes, *_: MakingRunner(processes._world.staging))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setenv("CI", "")


class LateError(BaseException):
    """Something was waited for. No `OSError`, so that nothing takes it for a fault of the disk."""


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail if the block takes longer: something was opened that blocks."""

    def late(number: int, frame: object) -> None:
        raise LateError(f"it hung for {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
