"""What the kernel tells about processes: which one it is, who adopted it, and which belong to an attempt.

Linux answers from `/proc`; elsewhere `ps` does, which is slower and knows no open files.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Collection, Container
from functools import cache, lru_cache

from msgspec import Struct

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_PROC_CHUNK = 4096
_LINUX = sys.platform == "linux"


class Claim(Struct, frozen=True):
    """How the processes of an attempt are known: `variable=value` in their environment, or a file in one of `folders`.

    A process keeps its environment through fork and exec unless it empties it; one that did and still can
    write into the attempt's folder mostly has its current folder or an open file, such as the log, there.
    """

    variable: str
    value: str
    folders: tuple[str, ...]


class ProcessName(Struct, frozen=True):
    """A process that cannot be mistaken for a later one with the same number: `started` is of the kernel's clock."""

    pid: int
    started: str


@cache
def boot_id() -> str:
    """Return a text that differs after each boot of this machine."""
    if _LINUX:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    return _output(["sysctl", "-n", "kern.boottime"]).strip()


def started(pid: int) -> str | None:
    """Return when the process began, in words that only compare; None if there is no living one."""
    if not _LINUX:
        return _output(["ps", "-o", "lstart=", "-p", str(pid)]).strip() or None
    fields = _stat(pid)
    return fields[19] if fields and fields[0] not in ("Z", "X") else None


def is_alive(name: ProcessName) -> bool:
    """Tell if this very process still lives."""
    return name.pid > 0 and started(name.pid) == name.started


@cache
def become_subreaper() -> bool:
    """Let this process adopt what its descendants leave behind; False where the system cannot.

    The attribute belongs to the process and is not inherited by its children.
    """
    if not _LINUX:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0) and os.path.exists(_children_file())


def adopted(leader: int, claim: Claim, leaders: Container[int] = ()) -> list[int]:
    """Return children of this process that an attempt left behind: those in its session, and those of its claim.

    The kernel hands orphans to the main thread of the nearest subreaper (`find_new_reaper` in
    kernel/exit.c), so that one small file names them all: no walk over every process. As children of
    ours they keep their number until we reap them. `leaders` are processes that this one has started itself.
    """
    try:
        children = [int(word) for word in _content(_children_file()).split()]
    except OSError:
        return []
    if not children:
        return []
    own = os.getsid(0)
    found = []
    for pid in children:
        fields = None if pid in leaders or pid == leader else _stat(pid)
        # A child in our own session is one that traintrack started for itself, such as git.
        if fields is None or int(fields[3]) == own:
            continue
        if int(fields[3]) == leader or _belongs(pid, claim):
            found.append(pid)
    return found


def living(claims: Collection[Claim]) -> dict[str, list[ProcessName]]:
    """Map the value of each claim to its living processes, by a look at every process; those with none are absent."""
    found: dict[str, list[ProcessName]] = {}
    if not claims:
        return found
    candidates = [int(name) for name in os.listdir("/proc") if name.isdigit()] if _LINUX else []
    for pid in candidates:
        owner = next((c for c in claims if pid != os.getpid() and _belongs(pid, c)), None)
        begun = started(pid) if owner else None
        if owner and begun:
            found.setdefault(owner.value, []).append(ProcessName(pid, begun))
    return found if _LINUX else _living_by_ps(claims)


def standing_in(folders: Collection[str]) -> set[str]:
    """Return those folders that are the current one of a living process, by a look at every process.

    Where the system does not tell, those that stand in the words that a process was started with.
    """
    if not _LINUX:
        words = _output(["ps", "axww", "-o", "command="])
        return {folder for folder in folders if folder in words}
    found = {_link(f"/proc/{name}/cwd") for name in os.listdir("/proc") if name.isdigit()} if folders else set()
    return {folder for folder in folders if os.path.realpath(folder) in found}


def _children_file() -> str:
    pid = os.getpid()
    return f"/proc/{pid}/task/{pid}/children"


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third (state) on; None if there is no such process."""
    try:
        # The second field is the program's name in brackets and may hold blanks and brackets itself.
        return _content(f"/proc/{pid}/stat").rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return None


def _content(path: str) -> bytes:
    """Return what a small file of /proc says; without a file object, since it is asked several times per task."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = [os.read(descriptor, _PROC_CHUNK)]
        # The kernel fills a page but for the rest of an item (`seq_read_iter` in fs/seq_file.c): much less is the end.
        while len(parts[-1]) > _PROC_CHUNK // 2:
            parts.append(os.read(descriptor, _PROC_CHUNK))
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _belongs(pid: int, claim: Claim) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environ = file.read()
        if f"{claim.variable}={claim.value}".encode() in environ.split(b"\0"):
            return True
        if environ == _own_environ(os.getpid()):
            # A child of ours on its way to its program: until then it has our environment, and our open files.
            return False
        places = [f"/proc/{pid}/cwd", *(f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd"))]
        return any(_is_below(_link(place), folder) for place in places for folder in claim.folders)
    except OSError:
        # It is gone, or another user's.
        return False


@lru_cache(maxsize=1)
def _own_environ(pid: int) -> bytes:
    """The environment that this process was begun with; what it changes later does not show there."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        return file.read()


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _living_by_ps(claims: Collection[Claim]) -> dict[str, list[ProcessName]]:
    found: dict[str, list[ProcessName]] = {}
    for line in _output(["ps", "axeww", "-o", "pid=,command="]).splitlines():
        number, _, rest = line.strip().partition(" ")
        owner = next((c for c in claims if f"{c.variable}={c.value}" in rest), None)
        begun = started(int(number)) if owner and number.isdigit() else None
        if owner and begun:
            found.setdefault(owner.value, []).append(ProcessName(int(number), begun))
    return found


def _output(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout
