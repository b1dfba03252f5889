"""Threads that watch what others do: the runner's jobs, and cells that another run holds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator

from traintrack.action.job import Handle, JobState
from traintrack.digest import TargetId
from traintrack.execute.waiting import only_goes_on, tells_more
from traintrack.ports.runner import ReportsChanges, Runner
from traintrack.ports.storage import Cells, Seen

POLL_S = 1.0
LOOK_S = 0.25


class LiveHandles(Collection[Handle]):
    """The handles that are being polled; may grow while a poll is under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handles: dict[Handle, None] = {}
        self.any = threading.Event()

    def add(self, handle: Handle) -> None:
        """Watch a job."""
        with self._lock:
            self._handles[handle] = None
            if not self.any.is_set():
                self.any.set()

    def discard(self, handle: Handle) -> None:
        """Watch a job no more."""
        with self._lock:
            self._handles.pop(handle, None)
            if not self._handles:
                self.any.clear()

    def __iter__(self) -> Iterator[Handle]:
        with self._lock:
            return iter(tuple(self._handles))

    def __len__(self) -> int:
        return len(self._handles)

    def __contains__(self, handle: object) -> bool:
        return handle in self._handles


class JobWatcher:
    """Reports each change of a job: asks the runner, or only for progress where the runner tells of changes by itself."""

    def __init__(self, runner: Runner, report: Callable[[Handle, JobState], None], failed: Callable[[Exception], None]):
        self.handles = LiveHandles()
        self._runner, self._report, self._failed = runner, report, failed
        self._teller = runner if isinstance(runner, ReportsChanges) else None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traintrack-jobs", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def watch(self, handle: Handle) -> None:
        """Report the changes of a job, also one that came before this call."""
        self.handles.add(handle)
        if self._teller is not None and self._teller.watch(handle, self._report):
            return
        for known, state in self._runner.poll((handle,), 0.0).items():
            self._report(known, state)

    def close(self) -> None:
        """Stop watching; the jobs are left alone."""
        self._stop.set()
        self.handles.any.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._await_something()
            if self._stop.is_set():
                return
            try:
                # Nobody waits inside of a runner that tells by itself: to wake a waiter at each change costs more than all else.
                wait_s = POLL_S if self._teller is None else 0.0
                for handle, state in self._runner.poll(self.handles, wait_s).items():
                    self._report(handle, state)
            except Exception as error:  # noqa: BLE001  a thread must hand its errors on
                self._failed(error)
                return

    def _await_something(self) -> None:
        if self._teller is not None:
            self._stop.wait(POLL_S)
        else:
            self.handles.any.wait()


class CellWatcher:
    """Watches cells of other runs and reports an ID when its cell changed or its holder may be gone.

    Of a holder who only goes on `goes_on` is told, if there is more to say than before.
    """

    def __init__(
        self,
        cells: Cells,
        report: Callable[[TargetId], None],
        failed: Callable[[Exception], None],
        goes_on: Callable[[Seen], None],
    ):
        self._cells, self._report, self._failed, self._goes_on = cells, report, failed, goes_on
        # Where life shows only in heartbeats, looking more often costs requests and tells nothing sooner.
        self._look_s = LOOK_S if cells.heartbeat_s is None else cells.heartbeat_s / 2
        self._lock = threading.Lock()
        self._seen: dict[TargetId, Seen] = {}
        self._wake = threading.Event()
        self._stop = False
        self._thread: threading.Thread | None = None

    def watch(self, seen: Seen) -> None:
        """Report this cell once, when something happened to it."""
        with self._lock:
            self._seen[seen.id] = seen
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="traintrack-cells", daemon=True)
                self._thread.start()
        self._wake.set()

    def forget(self, id_: TargetId) -> None:
        """Watch a cell no more."""
        with self._lock:
            self._seen.pop(id_, None)

    def close(self) -> None:
        """Stop watching."""
        self._stop = True
        self._wake.set()

    def _run(self) -> None:
        while not self._stop:
            with self._lock:
                watched = dict(self._seen)
            if not watched:
                self._wake.wait()
                self._wake.clear()
                continue
            try:
                self._cells.wait(watched.values(), self._look_s)
                self._look(watched)
            except Exception as error:  # noqa: BLE001  a thread must hand its errors on
                self._failed(error)
                return

    def _look(self, watched: dict[TargetId, Seen]) -> None:
        now = self._cells.read(tuple(watched))
        for id_, before in watched.items():
            is_gone = self._holder_is_gone(now[id_])
            if now[id_].version == before.version and not is_gone:
                continue
            if only_goes_on(before, now[id_]) and not is_gone:
                self._keep_watching(before, now[id_])
                continue
            with self._lock:
                fresh = self._seen.pop(id_, None) is not None
            if fresh:
                self._report(id_)

    def _keep_watching(self, before: Seen, now: Seen) -> None:
        with self._lock:
            still = now.id in self._seen
            if still:
                self._seen[now.id] = now
        if still and tells_more(before, now):
            self._goes_on(now)

    def _holder_is_gone(self, seen: Seen) -> bool:
        owner = seen.cell.owner if seen.cell else None
        return owner is not None and self._cells.liveness(owner).value == "gone"
