"""Waits for the ends of many processes with as many threads as there are ends to look after, and mostly one.

A thread for each process has to be woken twice for each short task: to begin to wait, and at its end.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

CAN_WATCH = hasattr(os, "pidfd_open") and hasattr(select, "epoll")

_AT_REST = 2
"""So many threads wait where nothing ends: one that looks after an end leaves one that waits, and none is begun for it."""


class Exits:
    """Calls what is to be done at the end of a process, in a thread of its own. Linux only.

    One thread waits. Before it looks after an end it sees to it that another one waits, so no end has to wait
    for a long one to be looked after. The threads are daemons: a client that leaves must not hang on a task of days.
    A caller who waits anyway can have the ends lent; then no thread is begun for them.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._renew()

    def lend(self) -> Exits:
        """Leave the ends to the caller, who asks for what is `due`, until `close`."""
        with self._guard:
            self._lent = True
        return self

    def close(self) -> None:
        """Look after the ends in threads again."""
        with self._guard:
            self._lent = False
            self._see_to_a_waiter()

    def fileno(self) -> int:
        """The descriptor that can be read from when a process has ended."""
        return self._epoll.fileno()

    def due(self) -> list[Callable[[], None]]:
        """What is to be done for the processes that have ended, as long as the ends are lent."""
        with self._guard:
            if not self._lent:
                return []
            return [act for fd, _ in self._epoll.poll(0) if (act := self._taken(fd)) is not None]

    def watch(self, pid: int, act: Callable[[], None]) -> None:
        """Call `act`, which raises nothing, when the child has ended; it is not reaped by this.

        Raises:
            OSError: it cannot be watched.
        """
        with self._guard:
            if self._pid != os.getpid():
                self._renew()
            fd = os.pidfd_open(pid)
            self._acts[fd] = act
            self._epoll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)
            self._see_to_a_waiter()

    def _renew(self) -> None:
        # A child of a fork has the descriptors, but none of the threads.
        self._pid = os.getpid()
        self._epoll = select.epoll()
        self._acts: dict[int, Callable[[], None]] = {}
        self._waiting = 0
        self._lent = False

    def _taken(self, fd: int) -> Callable[[], None] | None:
        """What was to be done at the end behind a descriptor; None if another thread has taken it."""
        act = self._acts.pop(fd, None)
        if act is not None:
            os.close(fd)
        return act

    def _see_to_a_waiter(self) -> None:
        if not self._waiting and self._acts and not self._lent:
            self._waiting += 1
            threading.Thread(target=self._work, args=(self._epoll,), name="exits", daemon=True).start()

    def _work(self, epoll: select.epoll) -> None:
        while True:
            events = epoll.poll(maxevents=1)
            with self._guard:
                act = self._taken(events[0][0]) if events else None
                if act is not None:
                    self._waiting -= 1
                    self._see_to_a_waiter()
            if act is None:
                continue
            act()
            # What was done must not live on in a thread that waits.
            act = None
            with self._guard:
                if self._waiting >= _AT_REST:
                    return
                self._waiting += 1
