"""Kills or fails the program at the Nth system call of a kind, by strace, without touching its code.

strace counts per thread, and `-b execve` lets git and the tasks go: so `rename`, 5 is the fifth rename of the first
thread of traintrack that comes to five. Points come from a run that is only watched.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shell_workspace import Ended, environ

STRACE_MISSING = "strace is not installed: `scripts/system_packages.sh` brings it"

WRITING = (
    "write",
    "writev",
    "pwrite64",
    "sendfile",
    "copy_file_range",
    "fsync",
    "fdatasync",
    "syncfs",
    "sync",
    "ftruncate",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "symlink",
    "symlinkat",
    "chmod",
    "fchmod",
    "fchmodat",
    "openat",
    "flock",
    "utimensat",
    "vfork",
    "fork",
    "clone",
    "clone3",
    "kill",
)
"""Calls that change something on a disk or start something; of `openat` those that may create a file count."""

_LINE = re.compile(r"(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)")
_STARTS = frozenset(("vfork", "fork", "clone", "clone3", "kill"))
_LAUNCHER = str(Path(__file__).with_name("launcher.py"))


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """The `number`-th call of a kind that a thread makes, counted from 1; `what` is the call as it was seen."""

    call: str
    number: int
    what: str = ""

    def __str__(self) -> str:
        return f"{self.call}#{self.number} {self.what}"


@dataclass(frozen=True, slots=True)
class Traced:
    """The program and the strace that is attached to it."""

    program: subprocess.Popen[str]
    strace: subprocess.Popen[bytes]

    def finish(self, timeout_s: float = 60) -> Ended:
        """Wait for the end; a program that does not end in time is killed and fails the test."""
        began = time.monotonic()
        try:
            out, err = self.program.communicate(timeout=timeout_s)
        finally:
            self.kill()
        return Ended(self.program.returncode, out, err, time.monotonic() - began)

    def kill(self) -> None:
        """Kill the program if it lives, and wait for strace, which ends with it."""
        if self.program.poll() is None:
            self.program.kill()
            self.program.communicate()
        self.strace.wait(timeout=20)


def start_traced(home: Path, words: Iterable[str], inject: str | None, log: Path) -> Traced:
    """Start the program and attach strace to it before it does anything; strace writes to `log`.

    `inject` is what strace takes as `-e inject=`; None only watches. A killed program ends with -SIGKILL.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    ready, go = f"{log}.ready", f"{log}.go"
    process = subprocess.Popen(
        [sys.executable, _LAUNCHER, ready, go, *words],
        env=environ(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _until(lambda: os.path.exists(ready), process)
    tracing = ["-e", f"trace={','.join(WRITING)}"] if inject is None else ["-e", f"inject={inject}"]
    call = inject.partition(":")[0] if inject else None
    if call:
        tracing += ["-e", f"trace={call}"]
    strace = subprocess.Popen(
        ["strace", "-f", "-q", "-b", "execve", "-y", "-s", "0", "-o", str(log), *tracing, "-p", str(process.pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _until(lambda: _tracer(process.pid) != 0, process)
    os.mkdir(go)
    return Traced(process, strace)


def traced(home: Path, words: Iterable[str], inject: str | None, log: Path, timeout_s: float = 60) -> Ended:
    """Run the program under strace to its end."""
    return start_traced(home, words, inject, log).finish(timeout_s)


def points_of(log: Path, below: Iterable[Path]) -> list[Point]:
    """The points of a watched run, in the order of a thread's calls: those that touch one of the folders, or start something.

    Each pair of call and number occurs once.
    """
    folders = tuple(str(folder) for folder in below)
    counts: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, int], Point] = {}
    for line in log.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        call, rest = match["call"], match["rest"]
        counts[match["thread"], call] += 1
        number = counts[match["thread"], call]
        if call == "openat" and "O_CREAT" not in rest:
            continue
        if call in _STARTS or any(folder in rest for folder in folders):
            found.setdefault((call, number), Point(call, number, rest[:160]))
    return sorted(found.values())


def spread(points: list[Point], share: int, shares: int) -> Point:
    """The point that stands `share` of `shares` along the list."""
    return points[share * len(points) // shares]


def _until(holds: object, process: subprocess.Popen[str], timeout_s: float = 20) -> None:
    assert callable(holds)
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert process.poll() is None, f"the program ended before it was traced: {process.communicate()}"
        assert time.monotonic() < deadline, "strace did not attach"
        time.sleep(0.002)


def _tracer(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("TracerPid:")[2].split()[0])
