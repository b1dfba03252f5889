"""Sends the logs of running tasks to a storage piece by piece, so that they can be read on other machines as they grow."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from traintrack.action.job import Handle
from traintrack.errors import TraintrackError
from traintrack.execute.heartbeats import SPREAD
from traintrack.ports.runner import Runner
from traintrack.ports.storage import LiveLogs, Storage
from traintrack.ports.through import own_storage

PIECE_BYTES = 1 << 20
"""A log that grows faster than by this in each interval is read elsewhere when it is kept."""


class _Growing(Struct):
    name: str
    offset: int = 0


class LiveLogSender:
    """A thread that sends what is new of each log, at most one piece of each in an interval (± 20 %).

    What comes from the runner is masked. A piece that cannot be sent is sent with the next one; it is no reason to
    stop. When a job has ended its log is kept whole, and the pieces go.
    """

    def __init__(
        self, ledger: LiveLogs, runner: Runner, interval_s: float, failed: Callable[[Exception], None]
    ) -> None:
        self._ledger, self._runner, self._interval_s, self._failed = ledger, runner, interval_s, failed
        self._guard = threading.Lock()
        self._growing: dict[Handle, _Growing] = {}
        self._stale: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traintrack-live", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def watch(self, handle: Handle, name: str, *, resumed: bool = False) -> None:
        """Send the log of a job from now on; where a dead run began the same, what it has sent goes first."""
        with self._guard:
            self._growing[handle] = _Growing(name)
            if resumed:
                self._stale.append(name)

    def end(self, handle: Handle) -> None:
        """The job has ended and its log is kept."""
        with self._guard:
            grown = self._growing.pop(handle, None)
            if grown is not None and grown.offset:
                self._stale.append(grown.name)

    def send(self) -> None:
        """Send one piece of each log that has grown."""
        self._drop_stale()
        with self._guard:
            growing = tuple(self._growing.items())
        for handle, log in growing:
            with suppress(TraintrackError):
                data = self._runner.logs(handle, log.offset)[:PIECE_BYTES]
                if data:
                    self._ledger.put_live(log.name, log.offset, data)
                    log.offset += len(data)
                    self._forget_if_ended(handle, log)

    def close(self) -> None:
        """Send no more, and leave no pieces of what has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._drop_stale()

    def _forget_if_ended(self, handle: Handle, log: _Growing) -> None:
        """It may have ended while its first piece was under way."""
        with self._guard:
            if self._growing.get(handle) is not log and log.name not in self._stale:
                self._stale.append(log.name)

    def _drop_stale(self) -> None:
        with self._guard:
            stale, self._stale = self._stale, []
        for name in stale:
            self._ledger.drop_live(name)

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._interval_s * random.uniform(1 - SPREAD, 1 + SPREAD)):  # noqa: S311
                self.send()
        except Exception as error:  # noqa: BLE001  a thread must hand its errors on
            self._failed(error)


def live_name(flight: str, attempt: int) -> str:
    """What the growing log of an attempt is called; it is kept under the same name."""
    return f"{flight}.{attempt}"


def sender(storage: Storage, runner: Runner, failed: Callable[[Exception], None]) -> LiveLogSender | None:
    """Return what sends the logs of a run, None where others can read them as they are."""
    own = own_storage(storage)
    heartbeat_s = own.cells.heartbeat_s
    if heartbeat_s is None or not isinstance(own.ledger, LiveLogs):
        return None
    return LiveLogSender(own.ledger, runner, heartbeat_s, failed)
