"""The blocking steps of one target, each a function that returns what the loop should know next."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from msgspec.structs import replace

from traintrack.action.cell import (
    Cell,
    CellState,
    FreeReason,
    Owner,
    Result,
    new_nonce,
)
from traintrack.action.failure import FailureClass
from traintrack.action.job import Handle, JobPhase, JobState
from traintrack.action.plan import Outcome
from traintrack.action.record import decode_record, encode_record
from traintrack.digest import TargetId
from traintrack.errors import HostError, TraintrackError
from traintrack.execute import lease as leases
from traintrack.execute.conclude import ORPHAN_GRACE_S, abandon, after_losing
from traintrack.execute.flight import Consumption, DamagedInputError, Flight, Ports, consume, start_attempt
from traintrack.execute.lease import Lease, SupersededError
from traintrack.execute.next import Fails, Look, NeedsSlot, Next, Request, Runs, Stands, Waits
from traintrack.execute.records import cutoff_record
from traintrack.ports.runner import Adopted, AdoptsJobs
from traintrack.ports.storage import Liveness, Seen

LOOK_HOLDS_S = 1.0
"""How long bytes that were checked count as checked for the start of the task that reads them."""


class Orphan(Enum):
    """What is to become of a job whose process is dead."""

    ADOPTED = "adopted"
    ENDED = "ended"


def advance(
    request: Request,
    ports: Ports,
    owner: Owner,
    standing: Callable[[TargetId], Result],
    label_of: Callable[[TargetId], str],
) -> Next:
    """Look at the cell, then reuse, wait, cut off early, ask for a slot, or start an attempt.

    Look-ups need no slot; a cell is taken only with a slot in hand and all inputs read.

    Raises:
        DamagedInputError: an input's bytes must be healed first.
        TraintrackError: the target cannot go on.
    """
    storage, action = ports.storage, request.action
    look = _still_good(request, ports, standing)
    if look is not None and request.grant is not None:
        return _begin(request, ports, owner, look.seen, look.consumption)
    seen = storage.cells.read([action.id])[action.id]
    if request.evict is not None and seen.cell is not None and seen.cell.result == request.evict_only is not None:
        seen = leases.evict(storage.cells, seen, request.evict)
    found = _without_work(request, seen, ports, owner)
    if found is not None:
        return found
    consumption = consume(action, standing, storage, label_of)
    if not request.forced:
        cut = _cut_off(request, ports, owner, seen, consumption)
        if cut is not None:
            return cut
    if request.grant is None:
        return NeedsSlot(Look(seen, consumption, ports.clock.monotonic()))
    return _begin(request, ports, owner, seen, consumption)


def _begin(request: Request, ports: Ports, owner: Owner, seen: Seen, consumption: Consumption) -> Next:
    """Take the cell as it was seen, and start an attempt."""
    ports.materials.provide(request.action)
    try:
        flight, resumed = _take(request, ports, owner, seen, consumption, Orphan.ADOPTED)
    except SupersededError as lost:
        return _without_work(request, lost.seen, ports, owner) or NeedsSlot()
    if flight.handle is not None:
        return _go_on(flight, flight.handle, ports, resumed=resumed)
    _demand_inputs(flight, ports)
    return _start(flight, ports, owner, resumed=resumed)


def try_again(flight: Flight, ports: Ports, owner: Owner) -> Next:
    """Start the next attempt of a flight that is still held."""
    return _start(flight, ports, owner, resumed=False)


def _demand_inputs(flight: Flight, ports: Ports) -> None:
    """See that the inputs stand still, now that the cell names them: from here on no collector takes them.

    Where bytes lie elsewhere, this process has them in its cache already.

    Raises:
        DamagedInputError: one was collected between the look and the lease; the cell is let go.
    """
    if ports.storage.cells.heartbeat_s is not None or flight.lease is None or not flight.lease.cell.inputs:
        return
    wanted = {read.id: read.artifact for read in flight.consumption.inputs}
    for id_, seen in ports.storage.cells.read(tuple(wanted)).items():
        cell = seen.cell
        # Without a cell the data stays outside; what this run holds is stored, and about to stand.
        if cell is None or (cell.owner is not None and cell.owner.run == flight.lease.owner.run):
            continue
        if cell.result is None or cell.result.artifact != wanted[id_]:
            abandon(flight, ports)
            raise DamagedInputError(id_, "it was removed, or made again, while this was about to start")


def _still_good(request: Request, ports: Ports, standing: Callable[[TargetId], Result]) -> Look | None:
    """What the last look has found, if that was a moment ago and of the same bytes."""
    look = request.look
    if look is None or ports.clock.monotonic() - look.at > LOOK_HOLDS_S:
        return None
    same = all(standing(read.id).artifact == read.artifact for read in look.consumption.inputs)
    return look if same else None


def _without_work(request: Request, seen: Seen, ports: Ports, owner: Owner) -> Next | None:
    """What the cell alone decides; None if it is there to be taken (or its holder is gone)."""
    cell = seen.cell
    if cell is None:
        return None
    if cell.state is CellState.DONE and cell.result is not None:
        if request.forced:
            return None
        return Stands(cell.result, Outcome.SHARED if request.waited_flight else Outcome.REUSED)
    if cell.state is CellState.HELD and cell.owner is not None:
        # My own: a write that was given up as unclear has landed after all.
        if cell.owner.token == owner.token or ports.storage.cells.liveness(cell.owner) is Liveness.GONE:
            return None
        return Waits(seen)
    failure = cell.last_failure
    if cell.free is FreeReason.FAILED and failure is not None and failure.flight == request.waited_flight:
        return Fails(failure, record=failure.record, hint=None)
    return None


def _cut_off(request: Request, ports: Ports, owner: Owner, seen: Seen, consumption: Consumption) -> Next | None:
    """Take over the result of the same recipe on the same bytes, if it stands.

    The lease comes first and the other cell is read after it was written `publishing`: so the result that is
    named cannot have been collected in between.
    """
    storage = ports.storage
    source = storage.ledger.hint(consumption.key)
    if source is None or source == request.action.id or _result_for(source, consumption, ports) is None:
        return None
    try:
        flight, _ = _take(request, ports, owner, seen, consumption, Orphan.ENDED)
        if flight.lease is None:
            return None
        flight.lease = leases.start_publishing(storage.cells, flight.lease)
        found = _result_for(source, consumption, ports)
        if found is None:
            leases.release(storage.cells, flight.lease)
            return None
        origin = storage.kept.get(found.record)
        if origin is None:
            leases.release(storage.cells, flight.lease)
            return None
        record = cutoff_record(flight, ports.who, found, source, decode_record(origin))
        result = replace(found, record=storage.kept.put(encode_record(record)))
        leases.commit(storage.cells, flight.lease, result)
    except SupersededError as lost:
        return _without_work(request, lost.seen, ports, owner)
    return Stands(result, Outcome.SAME_INPUTS, f"as {source[:12]}", flight)


def _result_for(source: TargetId, consumption: Consumption, ports: Ports) -> Result | None:
    """The result that stands for `source`, if its record really has this ActionKey and its bytes are there."""
    cell = ports.storage.cells.read([source])[source].cell
    if cell is None or cell.result is None:
        return None
    data = ports.storage.kept.get(cell.result.record)
    if data is None or decode_record(data).action_key != consumption.key:
        return None
    return cell.result if ports.storage.artifacts.check(cell.result) is None else None


def _take(
    request: Request, ports: Ports, owner: Owner, seen: Seen, consumption: Consumption, orphan: Orphan
) -> tuple[Flight, bool]:
    """Hold the cell; the second value tells that a dead holder's flight goes on.

    Raises:
        SupersededError: somebody was first.
    """
    cell = seen.cell
    artifacts = tuple(dict.fromkeys(i.artifact for i in consumption.jobs if i.origin is None))
    resumed = False
    lease = None
    adopted: Adopted | None = None
    if cell is not None and cell.state is CellState.DONE:
        if not request.forced:
            raise SupersededError(seen)
    elif cell is not None and cell.state is CellState.HELD:
        # The cell first: of many who wait one gets it, and only that one may end what runs on this flight. Another
        # would find the new holder's job under the same name.
        lease = leases.take_over(ports.storage.cells, seen, owner)
        if orphan is Orphan.ADOPTED and not request.fresh and cell.inputs == artifacts:
            adopted = _adopt(cell, ports)
        if adopted is None:
            _stop_orphans(cell, ports)
        resumed = True
    else:
        lease = leases.acquire(ports.storage.cells, seen, owner, artifacts)
    flight = Flight(
        action=request.action,
        reason=request.reason,
        consumption=consumption,
        name=lease.cell.flight if lease else new_nonce(),
        lease=lease,
        resources=request.action.resources,
        started=ports.clock.monotonic(),
        standing=cell.result if cell else None,
        grant=request.grant,
        resumed=resumed,
        checkpoint=None if request.fresh or orphan is Orphan.ENDED else _checkpoint(lease, ports, resumed=resumed),
    )
    if adopted is not None:
        flight.handle, flight.attempt = adopted.handle, adopted.attempt
    return flight, resumed


def _checkpoint(lease: Lease | None, ports: Ports, *, resumed: bool) -> str | None:
    """What an earlier attempt has sealed: the cell names it, or a dead holder's runner left it."""
    if lease is None:
        return None
    named = ports.others.here(lease.cell.checkpoint)
    return named or (ports.runner.find_checkpoint(lease.cell.flight) if resumed else None)


def _adopt(cell: Cell, ports: Ports) -> Adopted | None:
    """Take on the job that a dead holder left, if it read what would be read now and its runner can."""
    return ports.runner.adopt(cell.flight) if isinstance(ports.runner, AdoptsJobs) else None


def _stop_orphans(cell: Cell, ports: Ports) -> None:
    """End what a dead holder left running, before the next attempt begins: never two executions at once.

    The cell is held meanwhile. If an orphan cannot be ended it stays so, until this run is gone: a cell that was let
    go would be taken on a new flight, on which nobody looks for this orphan.
    """
    handles = {Handle(cell.job)} if cell.job else set()
    handles |= set(ports.runner.find([cell.flight]).values())
    if handles:
        ports.runner.stop(handles, ORPHAN_GRACE_S)


def _start(flight: Flight, ports: Ports, owner: Owner, *, resumed: bool) -> Next:
    try:
        handle = start_attempt(flight, ports, owner.run)
    except HostError as error:
        flight.note(JobState(JobPhase.FINISHED, FailureClass.PLATFORM, error.message, error.hint))
        abandon(flight, ports)
        raise
    if ports.storage.cells.heartbeat_s is None:
        # On this machine `find` knows the job by its flight: most tasks are over before anybody could ask the cell.
        return Runs(flight, resumed, unnoted=True)
    return _go_on(flight, handle, ports, resumed=resumed)


def _go_on(flight: Flight, handle: Handle, ports: Ports, *, resumed: bool) -> Next:
    """Write the job into the cell, so that others find it."""
    if flight.lease is not None:
        try:
            flight.lease = leases.note_job(ports.storage.cells, flight.lease, handle)
        except SupersededError as lost:
            ports.runner.stop([handle], 0.0)
            return after_losing(lost.seen, flight)
        except TraintrackError:
            # A job that no cell names and nobody watches must not go on.
            ports.runner.stop([handle], 0.0)
            abandon(flight, ports)
            raise
    return Runs(flight, resumed)
