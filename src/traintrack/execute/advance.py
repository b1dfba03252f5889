"""The blocking steps of one target, each a function that returns what the loop should know next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.action import Action
from traintrack.action.cell import (
    Cell,
    CellState,
    Failure,
    FreeReason,
    Owner,
    Result,
    may_publish,
    new_nonce,
)
from traintrack.action.failure import FailureClass
from traintrack.action.file_difference import FileDifference, file_differences
from traintrack.action.job import Handle, JobPhase, JobState, Output
from traintrack.action.plan import Outcome, Reason
from traintrack.action.record import Record, decode_record, encode_record
from traintrack.digest import ContentDigest, TargetId
from traintrack.errors import HostError, InternalError, TraintrackError
from traintrack.execute import lease as leases
from traintrack.execute.committer import Commit
from traintrack.execute.control import StopLevel
from traintrack.execute.flight import Consumption, DamagedInputError, Flight, Ports, consume, start_attempt
from traintrack.execute.lease import Lease, SupersededError
from traintrack.execute.records import cutoff_record, record_of
from traintrack.execute.slots import Grant
from traintrack.ports.runner import Adopted, AdoptsJobs
from traintrack.ports.storage import Liveness, Seen

ORPHAN_GRACE_S = 5.0

UNCLEAR = "storage-unclear"
"""The code of an error that came after long waiting for an answer."""

LOOK_HOLDS_S = 1.0
"""How long bytes that were checked count as checked for the start of the task that reads them."""


class Orphan(Enum):
    """What is to become of a job whose process is dead."""

    ADOPTED = "adopted"
    ENDED = "ended"


class Stands(Struct, frozen=True):
    """The ID has a result; `changed` tells that its bytes are others than those that stood before.

    `differing` is what came out different in a comparison run.
    """

    result: Result
    outcome: Outcome
    message: str = ""
    flight: Flight | None = None
    changed: bool = False
    differing: tuple[FileDifference, ...] = ()


class Waits(Struct, frozen=True):
    """Another run holds the cell and lives."""

    seen: Seen


class Look(Struct, frozen=True):
    """What a look without a share has found: the cell, what would be consumed, and when (monotonic seconds)."""

    seen: Seen
    consumption: Consumption
    at: float


class NeedsSlot(Struct, frozen=True):
    """It has to be executed, and there was no room yet; `look` spares the next one the reading."""

    look: Look | None = None


class Runs(Struct, frozen=True):
    """An attempt was started; `resumed` tells that a dead holder's flight was taken over.

    `unnoted`: the cell does not name its job yet.
    """

    flight: Flight
    resumed: bool = False
    unnoted: bool = False


class Fails(Struct, frozen=True):
    """The flight is over without a result."""

    failure: Failure
    flight: Flight | None = None
    state: JobState | None = None
    hint: str | None = None
    record: ContentDigest | None = None
    shared_from: Owner | None = None


class Stored(Struct, frozen=True):
    """The bytes are there for consumers of this run; the cell becomes DONE with the next group, then `then` holds."""

    commit: Commit
    then: Stands


Next: TypeAlias = Stored | Stands | Waits | NeedsSlot | Runs | Fails


class Request(Struct, frozen=True):
    """What is to be advanced.

    `forced`: do not reuse. `evict`: why the result `evict_only` must go first; another one that stands
    meanwhile may stay. `waited_flight`: the flight whose failure is shared. `fresh`: no checkpoint is taken up.
    `look`: what the last look has found.
    """

    action: Action
    reason: Reason
    forced: bool = False
    evict: FreeReason | None = None
    evict_only: Result | None = None
    grant: Grant | None = None
    waited_flight: str | None = None
    fresh: bool = False
    look: Look | None = None


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
                return _after_losing(lost.seen, flight)
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


def _after_losing(seen: Seen, flight: Flight) -> Next:
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


def _go_on(flight: Flight, handle: Handle, ports: Ports, *, resumed: bool) -> Next:
    """Write the job into the cell, so that others find it."""
    if flight.lease is not None:
        try:
            flight.lease = leases.note_job(ports.storage.cells, flight.lease, handle)
        except SupersededError as lost:
            ports.runner.stop([handle], 0.0)
            return _after_losing(lost.seen, flight)
        except TraintrackError:
            # A job that no cell names and nobody watches must not go on.
            ports.runner.stop([handle], 0.0)
            abandon(flight, ports)
            raise
    return Runs(flight, resumed)


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
