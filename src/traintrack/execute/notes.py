"""What others want to know of a job that runs, written into its cell beside the loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from traintrack.action.job import Handle, JobState
from traintrack.digest import TargetId
from traintrack.errors import TraintrackError
from traintrack.execute import lease as leases
from traintrack.execute.delays import Delays
from traintrack.execute.flight import Flight, Ports
from traintrack.execute.lease import SupersededError
from traintrack.execute.loop import Loop

NOTE_AFTER_S = 0.5
"""A job of this machine is written into its cell when it has run for so long."""


class Notes:
    """While a note is written the flight is another thread's; how its job ends meanwhile is told afterwards.

    `ended` is told that, and `lost` an ID whose cell turns out to be another's.
    """

    def __init__(
        self,
        ports: Ports,
        loop: Loop,
        ended: Callable[[Handle, JobState], None],
        lost: Callable[[TargetId], None],
    ) -> None:
        self._ports, self._loop, self._ended, self._lost = ports, loop, ended, lost
        self._due = Delays()
        self._writing: dict[Handle, JobState | None] = {}

    def expect(self, flight: Flight) -> None:
        """Name the job in its cell, should it run for long."""
        self._due.add(flight, self._ports.clock.monotonic() + NOTE_AFTER_S)

    def next_in(self, now_s: float) -> float | None:
        """Seconds until the next job is due to be named, None if none is."""
        return self._due.next_in(now_s)

    def name_jobs(self, runs: Callable[[Flight], bool]) -> None:
        """Name the jobs that are due and still run."""
        while (flight := self._due.take_due(self._ports.clock.monotonic())) is not None:
            if runs(flight):
                self._write(flight, partial(note_job, flight, self._ports))

    def tell_progress(self, flight: Flight, progress: str) -> None:
        """Say in the cell how far the task is, unless something is being written there."""
        if flight.lease is not None and flight.handle not in self._writing:
            self._write(flight, partial(note_progress, flight, self._ports, progress))

    def holds_back(self, handle: Handle, state: JobState) -> bool:
        """Keep the end of a job until its flight is the loop's again; False if it is."""
        if handle not in self._writing:
            return False
        self._writing[handle] = state
        return True

    def _write(self, flight: Flight, write: Callable[[], None]) -> None:
        if flight.handle is None:
            return
        self._writing[flight.handle] = None

        def step() -> Callable[[], None]:
            try:
                write()
            except SupersededError:
                return partial(self._written, flight, is_lost=True)
            except TraintrackError:
                # Nobody needs the note who can wait; what is wrong with the storage shows at the commit.
                pass
            return partial(self._written, flight, is_lost=False)

        self._loop.run(step)

    def _written(self, flight: Flight, *, is_lost: bool) -> None:
        if flight.handle is None:
            return
        state = self._writing.pop(flight.handle)
        if state is not None:
            # It has ended: its own road finds out whose the cell is.
            self._ended(flight.handle, state)
        elif is_lost:
            self._lost(flight.id)


def note_job(flight: Flight, ports: Ports) -> None:
    """Write the job of a flight into its cell, so that others find it.

    Raises:
        SupersededError: the cell is not this run's any more.
        HostError: it cannot be written.
    """
    if flight.lease is not None and flight.handle is not None and flight.lease.cell.job != flight.handle:
        flight.lease = leases.note_job(ports.storage.cells, flight.lease, flight.handle)


def note_progress(flight: Flight, ports: Ports, progress: str) -> None:
    """Write into the cell of a flight how far its task is, if somebody waits for that.

    Raises:
        SupersededError: the cell is not this run's any more.
        HostError: it cannot be written.
    """
    lease = flight.lease
    if lease is not None and ports.others.who_waits(flight.id):
        if lease.cell.job is None:
            note_job(flight, ports)
        flight.lease = leases.note_progress(ports.storage.cells, flight.lease or lease, progress)
