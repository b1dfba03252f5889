"""A task's process and everything that it started: begun, asked to end, and surely gone."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from signal import SIGKILL, SIGTERM, Signals

from traintrack.action.record import Usage
from traintrack.errors import HostError
from traintrack.runners.contract.proc_table import (
    Claim,
    ProcessName,
    adopted,
    become_subreaper,
    is_alive,
    living,
    started,
)
from traintrack.runners.process.spawn import spawn

_LOOK_AGAIN_S = 0.005
_KILL_TAKES_AT_MOST_S = 10.0
_DAY_S = 86_400.0

_leaders: set[int] = set()
"""The tasks that this process has started and not reaped: they are nobody's leftovers."""


class TaskProcess:
    """A program in a session of its own, with what it leaves behind.

    One thread waits (`wait`, `clear`, `reap`, in this order); any thread may `send` a signal meanwhile. The leader stays
    a zombie until `reap`: so long its number, and that of its group, cannot be taken by another process.
    """

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, log: str, claim: Claim) -> None:
        """Start the program; its output goes straight into the file `log`.

        Raises:
            OSError: the program cannot be executed.
        """
        self._claim = claim
        self._lock = threading.Lock()
        self._exited = False
        self._left_running: set[int] | None = None
        self._gone: set[int] = set()
        become_subreaper()
        sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            self._pid = spawn(argv, env=env, cwd=cwd, output=sink)
        finally:
            os.close(sink)
        _leaders.add(self._pid)
        self.name = ProcessName(self._pid, started(self._pid) or "")

    def send(self, number: Signals) -> None:
        """Send a signal to the whole group, if the leader still lives."""
        with self._lock:
            if not self._exited:
                self._signal_group(number)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Return when the leader has exited; it is not reaped yet. False if it has not within the time."""
        if timeout_s is None:
            _wait_unreaped(self._pid)
        elif not _exits_within(self._pid, timeout_s):
            return False
        with self._lock:
            self._exited = True
        return True

    def succeeded_alone(self) -> bool:
        """Tell of a leader that has exited if it was with 0, and nothing that it started runs on."""
        found = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        is_success = found is not None and found.si_code == os.CLD_EXITED and found.si_status == 0
        return is_success and not self._look_what_is_left()

    def clear(self, deadline: float | None) -> int:
        """End what the task left behind and return how many processes that were.

        `deadline` (monotonic) is how long those may take that were asked to end before; None kills at once.

        Raises:
            HostError: a process cannot be killed.
        """
        # Looked at before the kill: what has exited by itself, and waits as a zombie, was not left running.
        seen = set(self._look_what_is_left())
        if deadline is None:
            self._signal_group(SIGKILL)
        give_up = (deadline or time.monotonic()) + _KILL_TAKES_AT_MOST_S
        while remaining := self._remaining(seen):
            seen.update(remaining)
            now = time.monotonic()
            if now > give_up:
                raise HostError(
                    f"process {remaining[0]} of the task cannot be killed",
                    code="process-stuck",
                    hint=f"see `ps -o pid,stat,wchan:30,args -p {remaining[0]}`",
                )
            if deadline is None or now >= deadline:
                self._kill(remaining)
            time.sleep(_LOOK_AGAIN_S)
        return len(seen)

    def reap(self) -> tuple[int, Usage]:
        """Return the exit code, negative for a signal's number, and what the task used."""
        _leaders.discard(self._pid)
        _, status, used = os.wait4(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return code, Usage(used.ru_utime, used.ru_stime, _peak_memory(used))

    def _signal_group(self, number: Signals) -> None:
        # The group is gone, or (macOS) has only zombies left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)

    def _left(self) -> list[int]:
        if become_subreaper():
            return adopted(self._pid, self._claim, _leaders)
        names = living([self._claim]).get(self._claim.value, ())
        return [name.pid for name in names if name.pid != self._pid]

    def _look_what_is_left(self) -> set[int]:
        """What ran on when that was first asked, after the end of the leader."""
        if self._left_running is None:
            self._left_running = {pid for pid in self._left() if started(pid) is not None}
        return self._left_running

    def _remaining(self, seen: set[int]) -> list[int]:
        if not become_subreaper():
            # Somebody else adopts and reaps them.
            return self._left()
        # A zombie has no environment to be known by any more: those seen before are asked for by number.
        found = (seen - self._gone).union(self._left())
        return [pid for pid in sorted(found) if not self._reaped(pid)]

    def _reaped(self, pid: int) -> bool:
        if not reap_if_ours(pid):
            return False
        self._gone.add(pid)
        return True

    def _kill(self, pids: Sequence[int]) -> None:
        self._signal_group(SIGKILL)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, SIGKILL)


def end_strangers(claim: Claim, leader: ProcessName | None, grace_s: float) -> None:
    """End the processes of an attempt whose parent is dead: ask, wait up to `grace_s`, kill. Returns when they are gone.

    Each is known by its claim or by number and start time, so that a recycled number is never hit.

    Raises:
        HostError: a process cannot be killed.
    """
    deadline = time.monotonic() + grace_s
    asked: set[ProcessName] = set()
    while remaining := strangers(claim, leader):
        now = time.monotonic()
        if now > deadline + _KILL_TAKES_AT_MOST_S:
            raise HostError(
                f"process {remaining[0].pid} of a lost task cannot be killed",
                code="process-stuck",
                hint=f"see `ps -o pid,stat,wchan:30,args -p {remaining[0].pid}`",
            )
        for name in remaining:
            if now >= deadline:
                _signal_stranger(name, SIGKILL)
            elif name not in asked:
                asked.add(name)
                _signal_stranger(name, SIGTERM)
        time.sleep(_LOOK_AGAIN_S * 4)
        for name in remaining:
            # This process may have adopted them, as the nearest subreaper above their dead runner.
            reap_if_ours(name.pid)


def strangers(claim: Claim, leader: ProcessName | None) -> list[ProcessName]:
    """Return the living processes of an attempt that are not children of ours, its leader first."""
    found = living([claim]).get(claim.value, [])
    if leader is not None and leader not in found and is_alive(leader):
        return [leader, *found]
    return found


def _wait_unreaped(pid: int) -> None:
    if sys.platform == "darwin":
        _exits_within(pid, None)
    else:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def _exits_within(pid: int, timeout_s: float | None) -> bool:
    """Wait for the exit of a child of ours, without a thread that keeps the time."""
    if sys.platform == "darwin":
        queue = select.kqueue()
        event = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
        with contextlib.closing(queue):
            try:
                return bool(queue.control([event], 1, timeout_s))
            except ProcessLookupError:
                # It is gone already where the kernel knows no such number.
                return True
    descriptor = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not poll.poll(_poll_ms(deadline)):
            if deadline is not None and time.monotonic() >= deadline:
                return False
        return True
    finally:
        os.close(descriptor)


def _poll_ms(deadline: float | None) -> float | None:
    # The kernel counts milliseconds in 31 bits, which is less than a month.
    return None if deadline is None else min(max(deadline - time.monotonic(), 0.0), _DAY_S) * 1000 + 1


def reap_if_ours(pid: int) -> bool:
    """Reap an adopted child if it has exited; tell if it is gone, or no child of ours."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _signal_stranger(name: ProcessName, number: Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "darwin":
            os.kill(name.pid, number)
            return
        descriptor = os.pidfd_open(name.pid)
        try:
            # The descriptor holds the process; looking after it was opened leaves no gap for another.
            if is_alive(name):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def _peak_memory(used: resource.struct_rusage) -> int | None:
    """Return the peak in bytes, None if it cannot be told.

    Linux carries the peak of the process that forked over the exec (`exec_mmap` in fs/exec.c): a figure that
    is not above our own says nothing about the task.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if used.ru_maxrss <= own:
        return None
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
