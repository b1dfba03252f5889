"""The jobs of a run that are under way: watched, named in their cells, and their logs sent on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from traintrack.action.job import Handle, JobState
from traintrack.digest import TargetId
from traintrack.errors import InternalError
from traintrack.execute.flight import Flight, Ports
from traintrack.execute.heartbeats import Heartbeats
from traintrack.execute.live_logs import LiveLogSender, live_name
from traintrack.execute.loop import Loop
from traintrack.execute.next import Runs
from traintrack.execute.notes import Notes
from traintrack.execute.watchers import JobWatcher


class Jobs:
    """Knows each flight by the handle of its job. Owned by the loop's thread.

    `changed` is told each change of a job, `lost` an ID whose cell turns out to be another's.
    """

    def __init__(
        self,
        ports: Ports,
        loop: Loop,
        beats: Heartbeats | None,
        live: LiveLogSender | None,
        changed: Callable[[Handle, JobState], None],
        lost: Callable[[TargetId], None],
    ) -> None:
        self._beats, self._live = beats, live
        self._notes = Notes(ports, loop, changed, lost)
        self._watcher = JobWatcher(
            ports.runner, lambda handle, state: loop.hand(partial(changed, handle, state)), loop.fail
        )
        self._flights: dict[Handle, Flight] = {}

    @property
    def handles(self) -> list[Handle]:
        """The handles of all."""
        return list(self._flights)

    @property
    def flights(self) -> list[Flight]:
        """The flights of all."""
        return list(self._flights.values())

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._flights)

    def start(self) -> None:
        """Begin to watch, and to send logs on."""
        self._watcher.start()
        if self._live is not None:
            self._live.start()

    def add(self, runs: Runs) -> Handle:
        """Take in a job that was begun or adopted, and return its handle; what changed before is told too."""
        flight = runs.flight
        if flight.handle is None:
            raise InternalError("a job without a handle runs", code="runner")
        self._flights[flight.handle] = flight
        if runs.unnoted:
            self._notes.expect(flight)
        if self._live is not None:
            self._live.watch(flight.handle, live_name(flight.name, flight.attempt), resumed=flight.resumed)
        self._watcher.watch(flight.handle)
        return flight.handle

    def flight(self, handle: Handle) -> Flight | None:
        """The flight of a job, None if it is not under way (any more)."""
        return self._flights.get(handle)

    def of(self, id_: TargetId) -> Flight | None:
        """The flight of a target, None if no job of it is under way."""
        return next((flight for flight in self._flights.values() if flight.id == id_), None)

    def end(self, handle: Handle, state: JobState) -> Flight | None:
        """Take out a job that is over; None while its flight is another thread's: then `changed` is told it again."""
        return None if self._notes.holds_back(handle, state) else self.forget(handle)

    def forget(self, handle: Handle) -> Flight | None:
        """Take out a job, whatever becomes of it."""
        flight = self._flights.pop(handle, None)
        self._watcher.handles.discard(handle)
        if self._live is not None:
            self._live.end(handle)
        return flight

    def tell_those_who_wait(self, handle: Handle, progress: str) -> None:
        """Let the cell say how far a task is: with its next beat, or at once where it has none."""
        flight = self._flights[handle]
        if self._beats is not None:
            self._beats.tell(flight.id, progress)
        else:
            self._notes.tell_progress(flight, progress)

    def note_in(self, now_s: float) -> float | None:
        """Seconds until the next job is to be named in its cell, None if none is."""
        return self._notes.next_in(now_s)

    def note(self) -> None:
        """Name the jobs in their cells that have run for long enough."""
        self._notes.name_jobs(self._runs_still)

    def stop_watching(self) -> None:
        """Watch no more; the jobs are left alone."""
        self._watcher.close()

    def close(self) -> None:
        """Send what there is of the logs, and end."""
        if self._live is not None:
            self._live.close()

    def _runs_still(self, flight: Flight) -> bool:
        return flight.handle is not None and self._flights.get(flight.handle) is flight
