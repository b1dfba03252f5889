"""What tells one process from another with the same number: when it started, in which boot of the machine."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from traintrack.action.cell import Owner


@functools.cache
def boot_id() -> str:
    """A name of this boot of the machine, empty where the system has none."""
    if sys.platform == "linux":
        return _text("/proc/sys/kernel/random/boot_id").strip()
    return _output(["sysctl", "-n", "kern.bootsessionuuid"])


def process_started(pid: int) -> int:
    """When a process started, in clock ticks since boot (Linux) or as a hash-free number elsewhere; 0 if it is not there.

    Source: proc_pid_stat(5), field 22. The name in field 2 may hold blanks and parentheses, so fields are
    counted from the last `)`.
    """
    if sys.platform == "linux":
        fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return int(fields[19]) if len(fields) > 19 else 0
    started = _output(["ps", "-o", "lstart=", "-p", str(pid)])
    return int("".join(c for c in started if c.isdigit()) or 0)


def process_ended(pid: int, started: int) -> bool:
    """Tell if a process is over: its number is free or another's, or it is dead and nobody has asked for its end yet."""
    if sys.platform != "linux":
        return process_started(pid) != started
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return len(fields) <= 19 or int(fields[19]) != started or fields[0] in "ZX"


def this_process(run: str, boot: str) -> Owner:
    """Return this process as the owner of a run, with an empty token; `boot` says of which machine its number is."""
    pid = os.getpid()
    return Owner(
        token="",
        run=run,
        user=user_name(),
        host=host_name(),
        boot_id=boot,
        pid=pid,
        pid_started=process_started(pid),
        since=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def host_name() -> str:
    """The name of this machine."""
    return os.uname().nodename


def user_name() -> str:
    """The name of the user, or the number where there is no name."""
    import pwd  # noqa: PLC0415 - only a run needs it

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _output(argv: list[str]) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
