"""How an attempt ends: its output is stored and stands, or the cell is let go. Blocking steps, as in `advance.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from msgspec.structs import replace

from traintrack.action.cell import (
    CellState,
    Result,
    may_publish,
)
from traintrack.action.file_difference import FileDifference, file_differences
from traintrack.action.job import JobState, Output
from traintrack.action.plan import Outcome
from traintrack.action.record import Record, decode_record, encode_record
from traintrack.errors import InternalError, TraintrackError
from traintrack.execute import lease as leases
from traintrack.execute.committer import Commit
from traintrack.execute.control import StopLevel
from traintrack.execute.flight import Flight, Ports
from traintrack.execute.lease import Lease, SupersededError
from traintrack.execute.next import Fails, NeedsSlot, Next, Stands, Stored, Waits
from traintrack.execute.records import record_of
from traintrack.ports.storage import Seen

ORPHAN_GRACE_S = 5.0

UNCLEAR = "storage-unclear"
"""The code of an error that came after long waiting for an answer."""


def conclude(flight: Flight, state: JobState, ports: Ports, *, in_groups: bool = False) -> Next:
    """Store the result of an attempt that succeeded and make it stand; with `in_groups` the caller commits it.

    Raises:
        TraintrackError: the result cannot be stored.
    """
    if state.output is None:
        raise InternalError("a job succeeded without an output", code="runner")
    if flight.lease is None:
        return _compare(flight, state, ports)
    while True:
        try:
            result, record = _store(flight, flight.lease, state, state.output, ports)
            after = Stands(result, Outcome.EXECUTED, "", flight, _bytes_changed(record, ports))
            if in_groups:
                return Stored(Commit(flight.lease, result, flight.consumption.key), after)
            leases.commit(ports.storage.cells, flight.lease, result)
            ports.others.drop(flight.lease.cell.checkpoint)
            break
        except SupersededError as lost:
            if lost.seen.cell is None or not may_publish(lost.seen.cell):
                ports.storage.artifacts.discard(state.output)
                return after_losing(lost.seen, flight)
            # Fenced, or taken over by one who only runs: the work is kept, what was stored under the old hold is not.
            flight.lease = Lease(lost.seen, flight.lease.owner)
    ports.storage.ledger.put_hint(flight.consumption.key, flight.id)
    return after


def stop_superseded(flight: Flight, ports: Ports) -> Next:
    """End an attempt whose cell another holds: the target is looked at anew."""
    if flight.handle is not None:
        ports.runner.stop([flight.handle], ORPHAN_GRACE_S)
    return NeedsSlot()


def give_up(flight: Flight, state: JobState, ports: Ports, hint: str | None) -> Fails:
    """Record a failure for good and let the cell go, so that who waited shares it."""
    record = record_of(flight, state, ports.who, ports.runner.capabilities.name, None)
    with _letting_go(flight, ports):
        key = ports.storage.kept.put(encode_record(record))
    failure = replace(flight.failure(state), record=key)
    if flight.lease is not None:
        leases.fail(ports.storage.cells, flight.lease, failure, key, flight.checkpoint)
        ports.others.drop(flight.lease.cell.checkpoint)
    return Fails(failure, flight, state, hint or state.hint, key)


def abandon(flight: Flight, ports: Ports, level: StopLevel = StopLevel.GO) -> None:
    """Let the cell go without a failure: waiters go on at once, from the checkpoint.

    Who is to be killed does not take the time to leave the checkpoint where another machine finds it.
    """
    if flight.lease is not None:
        is_hurried = level is StopLevel.KILL
        checkpoint = flight.checkpoint if is_hurried else ports.others.for_others(flight.id, flight.checkpoint)
        leases.release(ports.storage.cells, flight.lease, checkpoint)
        if checkpoint is not None:
            ports.others.drop(flight.lease.cell.checkpoint, but=checkpoint)


def _store(flight: Flight, lease: Lease, state: JobState, output: Output, ports: Ports) -> tuple[Result, Record]:
    """Announce that bytes come, and store them with their record.

    Raises:
        SupersededError: the hold was lost; the result does not stand.
    """
    storage = ports.storage
    flight.lease = leases.start_publishing(storage.cells, lease)
    with _letting_go(flight, ports):
        result = storage.artifacts.publish(replace(output, placing=flight.action.placing))
        record = record_of(flight, state, ports.who, ports.runner.capabilities.name, result)
        return replace(result, record=storage.kept.put(encode_record(record))), record


@contextmanager
def _letting_go(flight: Flight, ports: Ports) -> Iterator[None]:
    """Let the cell go where a store refuses what would end its flight: nobody must wait for the rest of this run.

    A store that gives no answer would give none to that either.
    """
    try:
        yield
    except TraintrackError as error:
        if error.code != UNCLEAR:
            with suppress(TraintrackError):
                abandon(flight, ports)
        raise


def after_losing(seen: Seen, flight: Flight) -> Next:
    """What follows when the cell went to another: take the result, wait for it, or begin anew."""
    if seen.cell is not None and seen.cell.result is not None:
        return Stands(seen.cell.result, Outcome.SHARED, "another run was first", flight)
    if seen.cell is not None and seen.cell.state is CellState.HELD:
        return Waits(seen)
    return NeedsSlot()


def _bytes_changed(record: Record, ports: Ports) -> bool:
    """Tell if another artifact stood for the ID before, so that what was made from it may disagree now."""
    before: Record | None = record
    while before is not None and before.previous is not None:
        data = ports.storage.kept.get(before.previous)
        before = decode_record(data) if data is not None else None
        if before is not None and before.artifact is not None:
            return before.artifact != record.artifact
    return False


def _compare(flight: Flight, state: JobState, ports: Ports) -> Next:
    """Judge a comparison run: equal bytes keep the record, others are told and discarded."""
    if state.output is None or flight.standing is None:
        raise InternalError("nothing to compare with", code="force")
    made, stands = state.output.manifest, flight.standing
    differing: tuple[FileDifference, ...] = ()
    if made.digest() == stands.artifact:
        message = "the same bytes again"
    else:
        differing = file_differences(ports.storage.artifacts.manifest(stands), made)
        shown = ", ".join(one.path for one in differing[:3])
        more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
        message = f"not deterministic: {shown}{more} came out different; the result that stands was kept"
    ports.storage.artifacts.discard(state.output)
    return Stands(stands, Outcome.EXECUTED, message, flight, differing=differing)
