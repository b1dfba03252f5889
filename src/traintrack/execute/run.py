"""Carries out a plan: one loop over a completion queue and a small thread pool.

The loop's thread owns all state. Blocking steps run in the pool, watchers poll jobs and foreign cells; each
hands what it learnt to the loop as a call.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

from msgspec.structs import replace

from traintrack.action.action import Action
from traintrack.action.cell import CellState, FreeReason, Owner, Result, new_nonce
from traintrack.action.event import (
    AttemptFailed,
    Notice,
    RunFinished,
    RunStarted,
    TargetProgress,
    TargetStarted,
)
from traintrack.action.failure import FailureClass
from traintrack.action.image import PythonImage
from traintrack.action.job import Handle, JobPhase, JobState
from traintrack.action.plan import Decision, Outcome, Plan, ReasonCode, Step
from traintrack.digest import TargetId
from traintrack.errors import HostError, InternalError, TraintrackError
from traintrack.execute.admission import Admission
from traintrack.execute.advance import advance, try_again
from traintrack.execute.board import Board
from traintrack.execute.committer import Committed, Committer
from traintrack.execute.conclude import abandon, conclude, give_up, stop_superseded
from traintrack.execute.control import GRACE_S, RunControl, StopLevel
from traintrack.execute.delays import Delays
from traintrack.execute.flight import DamagedInputError, Flight, InputNotStandingError, Ports
from traintrack.execute.hand_over import hand_over, waiting_words
from traintrack.execute.healing import steps_to_heal
from traintrack.execute.heartbeats import beating
from traintrack.execute.jobs import Jobs
from traintrack.execute.landing import Landing
from traintrack.execute.live_logs import sender
from traintrack.execute.loop import Loop
from traintrack.execute.next import Fails, Look, NeedsSlot, Next, Request, Runs, Stands, Stored, Waits
from traintrack.execute.retry import next_attempt
from traintrack.execute.settings import Planner, RunResult, RunSettings
from traintrack.execute.slots import Ask, Grant
from traintrack.execute.waiting import waiting_event
from traintrack.execute.watchers import CellWatcher
from traintrack.ports.events import EventSink
from traintrack.ports.storage import GroupCommits, Seen, Want
from traintrack.ports.through import ReadsThrough

FEW_FILES = 500
"""An output of no more is stored in some milliseconds: on a local disk that is a rename, and a change of modes."""


class Run:
    """One execution of one plan."""

    def __init__(
        self,
        *,
        plan: Plan,
        ports: Ports,
        planner: Planner,
        owner: Owner,
        settings: RunSettings,
        sink: EventSink,
        control: RunControl,
    ) -> None:
        is_near = ports.storage.cells.heartbeat_s is None and not isinstance(ports.storage, ReadsThrough)
        self._loop = loop = Loop(ports.clock, is_near=is_near)
        storage, self._beats = beating(ports.storage, lambda id_: loop.hand(partial(self._cell_lost, id_)))
        live = sender(ports.storage, ports.runner, loop.fail)
        ports = replace(ports, storage=storage, others=hand_over(ports.storage, ports.runner))
        self._plan, self._ports, self._planner, self._owner = plan, ports, planner, owner
        self._settings, self._sink, self._control = settings, sink, control
        self._board = Board(planner.graph, sink, ports.clock)
        self._admission = Admission(settings.capacity, planner.graph.actions.__getitem__)
        self._to_try_again: dict[TargetId, Flight] = {}
        self._seen: set[frozenset[str]] = set()
        self._delays = Delays()
        self._after_landing: list[Callable[[], None]] = []
        self._owners: dict[TargetId, Owner] = {}
        self._waited: dict[TargetId, str] = {}
        self._looks: dict[TargetId, Look | None] = {}
        self._stop_after_failure = False
        self._bytes_changed = False
        self._told_jobs = StopLevel.GO
        self._told_people = StopLevel.GO
        self._jobs = Jobs(ports, loop, self._beats, live, self._job_changed, self._cell_lost)
        self._foreign = CellWatcher(
            ports.storage.cells,
            lambda id_: loop.hand(partial(self._look_again, id_)),
            loop.fail,
            lambda seen: loop.hand(partial(self._holder_goes_on, seen)),
        )
        self._landing = self._make_landing()

    def execute(self) -> RunResult:
        """Carry out the plan and return how every target ended.

        Raises:
            TraintrackError: the run itself could not go on; what it had started was stopped first.
        """
        clock = self._ports.clock
        began = clock.monotonic()
        self._control.on_stop(self._loop.wake)
        self._sink.emit(RunStarted(self._settings.run, self._plan, self._settings.environment, self._ports.who.profile))
        self._enlist(self._plan.steps)
        self._jobs.start()
        if self._beats is not None:
            self._beats.start()
        try:
            self._loop.attend(self._ports.runner)
            while self._loop.fatal is None:
                self._obey_stop()
                self._dispatch()
                if not self._is_active():
                    break
                self._next_call()
        finally:
            self._close()
        if self._loop.fatal is not None:
            raise self._loop.fatal
        self._demand_all_ended()
        duration = clock.monotonic() - began
        interrupted = self._control.level is not StopLevel.GO
        counts = Counter(f.outcome.value for f in self._board.finished.values())
        self._sink.emit(RunFinished(self._settings.run, duration, dict(counts), interrupted))
        return RunResult(self._board.finished, self._board.standing, duration, interrupted)

    # What is to be done

    def _enlist(self, steps: Mapping[TargetId, Step]) -> None:
        """Take in decided steps: what stands has ended at once, the rest queues up."""
        self._board.reopen(steps)
        needs: dict[TargetId, tuple[TargetId, ...]] = {}
        for id_, step in steps.items():
            if step.decision is Decision.REUSE and step.cell is not None and step.cell.result is not None:
                self._board.stands(id_, step.cell.result, Outcome.REUSED)
            else:
                needs[id_] = self._board.graph.actions[id_].depends_on()
        self._admission.enlist(needs, {i: steps[i].expected_s for i in needs})

    def _dispatch(self) -> None:
        """Start what fits: first those that found no room before, then what has become ready."""
        if self._level() is not StopLevel.GO:
            return
        for id_, grant in self._admission.take_waiting():
            self._start(id_, grant)
        while (ready := self._admission.next_ready()) is not None:
            if self._offer(ready) and self._loop.takes_steps_itself and self._admission.is_full:
                # It was only looked at, in this thread: what has ended meanwhile comes before the next look.
                return
        # Hands that are free look if those that wait for a place of their family need one at all.
        while self._loop.has_free_hands and (deferred := self._admission.next_deferred()) is not None:
            self._submit(deferred, None)

    def _start(self, id_: TargetId, grant: Grant) -> None:
        flight = self._to_try_again.pop(id_, None)
        if flight is None:
            self._submit(id_, grant)
            return
        flight.grant = grant
        self._do(id_, partial(try_again, flight, self._ports, self._owners[id_]))

    def _offer(self, id_: TargetId) -> bool:
        """Advance a ready target, with a share if there is one: look-ups do without. False if it was not advanced."""
        impossible = self._admission.impossible(id_)
        if impossible is not None:
            message = f"`{self._board.label(id_)}` cannot run here: {impossible}"
            hint = "take another environment with `--env`, or ask for less in `resources`"
            self._broke(id_, HostError(message, code="resources", hint=hint))
            return False
        if self._bytes_changed:
            # Whether the inputs agree is read from cells, so those must stand first.
            below = self._board.graph.actions[id_].depends_on()
            if self._landing is not None and self._landing.holds_back(id_, below):
                return False
            if self._remake_disagreeing(id_):
                return False
        grant = self._admission.admit(id_)
        if grant is None and self._admission.defer(id_):
            return False
        self._submit(id_, grant)
        return True

    def _remake_disagreeing(self, id_: TargetId) -> bool:
        """After something came out different than before: make again those inputs that were made from the old bytes."""
        below = self._board.graph.actions[id_].depends_on()
        if len(below) < 2:
            return False
        steps = self._planner.decide((id_,))
        again = {i: s for i, s in steps.items() if s.decision is Decision.EXECUTE and i != id_}
        fresh = {i: s for i, s in steps.items() if i in again or i not in self._board.steps}
        if not again or any(self._board.is_open(i) for i in fresh):
            return False
        self._enlist({**fresh, id_: self._board.steps[id_]})
        return True

    def _submit(self, id_: TargetId, grant: Grant | None) -> None:
        step = self._board.steps[id_]
        request = Request(
            self._board.graph.actions[id_],
            step.reason,
            forced=id_ in self._plan.forced,
            evict=_eviction(step, replace_results=self._plan.replace),
            evict_only=step.cell.result if step.cell else None,
            grant=grant,
            waited_flight=self._waited.get(id_),
            fresh=self._settings.fresh,
            look=self._looks.pop(id_, None),
        )
        owner = self._owners.setdefault(id_, replace(self._owner, token=new_nonce()))
        action = request.action
        free = step.cell is None or step.cell.state is CellState.FREE
        # What a holder left has to be ended, and code that is seen for the first time to be read from git.
        short = free and not request.forced and id_ not in self._waited and _materials_of(action) in self._seen
        self._do(id_, lambda: advance(request, self._ports, owner, self._standing, self._board.label), short=short)

    def _do(self, id_: TargetId, work: Callable[[], Next], *, short: bool = False) -> None:
        """Take a blocking step; the loop hears of its result or error."""

        def step() -> Callable[[], None]:
            try:
                return partial(self._advanced, id_, work())
            except DamagedInputError as damaged:
                return partial(self._heal, id_, damaged)
            except InputNotStandingError:
                return partial(self._look_again, id_)
            except TraintrackError as error:
                return partial(self._broke, id_, error)

        self._loop.run(step, short=short)

    # What was learnt

    def _advanced(self, id_: TargetId, found: Next) -> None:
        if isinstance(found, Runs):
            self._runs(found)
            return
        self._admission.give_back(id_)
        if not self._board.is_open(id_):
            return
        match found:
            case Stored():
                self._stored(id_, found)
            case Stands(result, outcome, message, flight):
                self._bytes_changed = self._bytes_changed or found.changed
                self._board.stands(id_, result, outcome, message, flight, found.differing)
                self._admission.done(id_)
            case Waits():
                self._wait_for(id_, found)
            case NeedsSlot(look):
                self._looks[id_] = look
                self._admission.wait(id_)
            case Fails():
                self._tell_in_order(partial(self._failed, id_, found))

    def _failed(self, id_: TargetId, fails: Fails) -> None:
        self._block_consumers(id_, self._board.failed(id_, fails))

    def _tell_in_order(self, tell: Callable[[], None]) -> None:
        """Let no failure be told before the successes that it came after, whose cells are on their way."""
        if self._landing:
            self._landing.hurry()
            self._after_landing.append(tell)
        else:
            tell()

    def _stored(self, id_: TargetId, stored: Stored) -> None:
        """Let consumers begin: the bytes are there, though the target has not ended before its cell is DONE."""
        if self._landing is None:
            raise InternalError("a result was stored for a group and there are no groups", code="commit")
        self._bytes_changed = self._bytes_changed or stored.then.changed
        self._landing.take(id_, stored.commit, stored.then)
        self._admission.done(id_)

    def _runs(self, runs: Runs) -> None:
        flight = runs.flight
        self._seen.add(_materials_of(flight.action))
        handle = self._jobs.add(runs)
        label = self._board.label(flight.id)
        self._sink.emit(TargetStarted(flight.id, label, flight.attempt, flight.reason, runs.resumed))
        if self._control.level >= StopLevel.STOP:
            self._stop_jobs([handle])

    def _wait_for(self, id_: TargetId, waits: Waits) -> None:
        cell = waits.seen.cell
        if self._level() is not StopLevel.GO or cell is None or cell.owner is None:
            self._board.not_run(id_, Outcome.CANCELLED)
            self._block_consumers(id_, Outcome.CANCELLED)
            return
        if self._waited.get(id_) != cell.flight:
            self._sink.emit(waiting_event(id_, self._board.label(id_), cell, cell.owner))
        self._waited[id_] = cell.flight
        self._foreign.watch(waits.seen)

    def _holder_goes_on(self, seen: Seen) -> None:
        cell = seen.cell
        if cell is not None and cell.owner is not None and self._board.is_open(seen.id):
            self._sink.emit(waiting_event(seen.id, self._board.label(seen.id), cell, cell.owner))

    def _look_again(self, id_: TargetId) -> None:
        """Advance a target anew, after its inputs: another run held its cell, or an input is being made again."""
        self._admission.give_back(id_)
        if not self._board.is_open(id_):
            return
        if self._level() is not StopLevel.GO:
            self._board.not_run(id_, Outcome.CANCELLED)
            return
        below = self._board.graph.actions[id_].depends_on()
        bad = tuple(d for d in below if d in self._board.finished and d not in self._board.standing)
        if bad:
            self._board.not_run(id_, Outcome.BLOCKED, tuple(self._board.label(d) for d in bad))
            self._block_consumers(id_, Outcome.BLOCKED)
            return
        unknown = tuple(d for d in below if d not in self._board.steps)
        try:
            found = self._planner.decide(unknown) if unknown else {}
        except TraintrackError as error:
            self._broke(id_, error)
            return
        fresh = {i: s for i, s in found.items() if i not in self._board.steps}
        self._enlist({**fresh, id_: self._board.steps[id_]})

    def _standing(self, id_: TargetId) -> Result:
        result = self._board.standing.get(id_)
        if result is None:
            raise InputNotStandingError
        return result

    def _job_changed(self, handle: Handle, state: JobState) -> None:
        flight = self._jobs.flight(handle)
        if flight is None:
            return
        if state.phase not in (JobPhase.FINISHED, JobPhase.GONE):
            self._went_on(flight, handle, state)
            return
        if self._jobs.end(handle, state) is None:
            return
        if state.phase is JobPhase.GONE:
            state = replace(state, failure=FailureClass.LOST, message=state.message or "the process is gone")
        flight.note(state)
        if state.failure is None:
            self._admission.give_back(flight.id)
            in_groups = self._landing is not None
            few = state.output is not None and len(state.output.manifest.entries) <= FEW_FILES
            self._do(flight.id, lambda: conclude(flight, state, self._ports, in_groups=in_groups), short=few)
        else:
            self._attempt_failed(flight, state, state.failure)

    def _went_on(self, flight: Flight, handle: Handle, state: JobState) -> None:
        id_ = flight.id
        if state.phase is JobPhase.STORING:
            # The share is for the task; what it made is stored beside the next one.
            self._admission.give_back(id_)
        if state.command and state.phase is JobPhase.RUNNING and not state.progress:
            self._sink.emit(Notice(state.command, id_, "command"))
        self._sink.emit(TargetProgress(id_, self._board.label(id_), state.phase.value, state.progress or ""))
        if state.progress:
            self._jobs.tell_those_who_wait(handle, state.progress)

    def _cell_lost(self, id_: TargetId) -> None:
        """Stop a job whose cell another has taken over; one that has ended is published or dropped on its own road."""
        flight = self._jobs.of(id_)
        if flight is not None and flight.handle is not None:
            self._jobs.forget(flight.handle)
            self._do(id_, partial(stop_superseded, flight, self._ports))

    def _attempt_failed(self, flight: Flight, state: JobState, failure: FailureClass) -> None:
        self._admission.give_back(flight.id)
        if self._control.level >= StopLevel.STOP or failure is FailureClass.CANCELLED:
            self._do(flight.id, partial(self._abandoned, flight, state))
            return
        jitter = random.uniform(0.5, 1.5)  # noqa: S311  spreads retries, keeps no secret
        again = next_attempt(flight.failures, flight.action.retries, flight.resources, jitter)
        if self._level() is not StopLevel.GO:
            again = None
        delay_s = again.delay_s if again else None
        label = self._board.label(flight.id)
        self._sink.emit(AttemptFailed(flight.id, label, flight.attempt, failure.value, state.message, delay_s))
        if again is None:
            hint = self._ports.materials.explain(flight.action, state)
            self._do(flight.id, lambda: give_up(flight, state, self._ports, hint))
            return
        flight.resources = again.resources
        self._delay(flight, again.delay_s)

    def _abandoned(self, flight: Flight, state: JobState) -> Next:
        abandon(flight, self._ports, self._control.level)
        failure = replace(flight.failure(state), failure=FailureClass.CANCELLED.value, message="interrupted")
        return Fails(failure, flight, state)

    def _broke(self, id_: TargetId, error: TraintrackError) -> None:
        self._admission.give_back(id_)
        if self._beats is not None:
            self._beats.drop(id_)
        if self._board.is_open(id_):
            self._board.broke(id_, error)
            self._block_consumers(id_, Outcome.FAILED)

    def _block_consumers(self, id_: TargetId, outcome: Outcome) -> None:
        cancelled = outcome is Outcome.CANCELLED
        for blocked in self._admission.drop(id_):
            self._board.not_run(blocked, Outcome.CANCELLED if cancelled else Outcome.BLOCKED, (self._board.label(id_),))
        if self._settings.fail_fast and not cancelled:
            self._stop_after_failure = True

    def _heal(self, id_: TargetId, damaged: DamagedInputError) -> None:
        """Make lost bytes again and go on, if that is cheap; beyond the limit a person decides."""
        self._admission.give_back(id_)
        if self._board.is_open(damaged.id):
            # Another consumer found it first: it is being made already.
            self._enlist({id_: self._board.steps[id_]})
            return
        try:
            known = self._board.steps.__contains__
            steps = steps_to_heal(damaged, self._planner, known, self._settings.heal_limit_s)
        except TraintrackError as error:
            self._broke(id_, error)
            return
        label = self._board.label(damaged.id)
        self._sink.emit(Notice(f"{label} is damaged and will be made again: {damaged.words}", damaged.id, "warning"))
        self._enlist({**steps, id_: self._board.steps[id_]})

    # Delays and stopping

    def _delay(self, flight: Flight, delay_s: float) -> None:
        self._delays.add(flight, self._ports.clock.monotonic() + delay_s)

    def _wake_delayed(self) -> None:
        while (flight := self._delays.take_due(self._ports.clock.monotonic())) is not None:
            self._to_try_again[flight.id] = flight
            self._admission.wait_first(flight.id, Ask(flight.resources, flight.action.parallel))

    def _level(self) -> StopLevel:
        return max(self._control.level, StopLevel.DRAIN if self._stop_after_failure else StopLevel.GO)

    def _obey_stop(self) -> None:
        if self._level() is StopLevel.GO:
            return
        if self._control.level > self._told_people:
            self._told_people = self._control.level
            self._name_those_who_wait(self._control.level)
        idle = [i for i in self._waited if not self._admission.holds(i)]
        held_back = self._landing.clear_held_back() if self._landing else []
        between = {flight.id: flight for flight in self._delays.clear()} | self._to_try_again
        self._to_try_again.clear()
        for id_ in [*self._admission.clear(), *held_back, *idle]:
            self._foreign.forget(id_)
            if self._board.is_open(id_) and id_ not in between:
                self._board.not_run(id_, Outcome.CANCELLED)
        for flight in between.values():
            state = JobState(JobPhase.FINISHED, FailureClass.CANCELLED, "interrupted")
            self._do(flight.id, partial(self._abandoned, flight, state))
        if self._control.level > self._told_jobs and self._control.level >= StopLevel.STOP:
            self._told_jobs = self._control.level
            self._stop_jobs(self._jobs.handles)

    def _name_those_who_wait(self, level: StopLevel) -> None:
        """Say whom a stop concerns besides; that takes a look, so it comes after the word that the stop was heard."""
        if level is StopLevel.KILL:
            return
        for flight in self._jobs.flights:
            self._loop.run(partial(self._ask_who_waits, flight.id, level))

    def _ask_who_waits(self, id_: TargetId, level: StopLevel) -> Callable[[], None]:
        return partial(self._named, id_, self._ports.others.who_waits(id_), level)

    def _named(self, id_: TargetId, wants: tuple[Want, ...], level: StopLevel) -> None:
        if wants:
            self._sink.emit(Notice(waiting_words(self._board.label(id_), wants, level), id_))

    def _stop_jobs(self, handles: list[Handle]) -> None:
        if handles:
            self._loop.run_aside(partial(self._ports.runner.stop, handles, GRACE_S[self._control.level]))

    # The loop's own affairs

    def _is_active(self) -> bool:
        waiting = any(self._board.is_open(i) for i in self._waited)
        return bool(
            self._loop.pending
            or self._landing
            or self._jobs
            or self._delays
            or waiting
            or self._admission.waits_for_room
        )

    def _next_call(self) -> None:
        now = self._ports.clock.monotonic()
        due = [t for t in (self._delays.next_in(now), self._jobs.note_in(now)) if t is not None]
        if self._landing is not None and not self._loop.pending and not self._jobs:
            self._landing.hurry()
        self._loop.listen(min(due, default=None))
        self._wake_delayed()
        self._jobs.note()

    def _make_landing(self) -> Landing | None:
        storage = self._ports.storage
        if not isinstance(storage.cells, GroupCommits):
            return None
        committer = Committer(
            storage.cells, storage.ledger, lambda batch: self._loop.hand(partial(self._landed, batch)), self._loop.fail
        )
        return Landing(committer, self._board, self._sink, self._look_again, self._broke)

    def _landed(self, batch: list[Committed]) -> None:
        if self._landing is not None:
            held_back = self._landing.landed(batch)
            tellings, self._after_landing = self._after_landing, []
            for tell in tellings:
                tell()
            for id_ in held_back:
                self._offer(id_)

    def _demand_all_ended(self) -> None:
        left = [self._board.label(i) for i in self._board.steps if self._board.is_open(i)]
        if left:
            raise InternalError(f"the run ended with {len(left)} targets open, such as {left[0]}", code="stuck")

    def _close(self) -> None:
        """Leave nothing behind: on the way out of an error, what still runs is stopped and let go.

        Every thread is ended whatever fails here, else the process would wait for it for ever.
        """
        with ExitStack() as closing:
            for thread in (self._beats, self._jobs, self._landing, self._loop):
                if thread is not None:
                    closing.callback(thread.close)
            self._loop.leave()
            self._jobs.stop_watching()
            self._foreign.close()
            self._stop_the_rest()

    def _stop_the_rest(self) -> None:
        """Stop what still runs after an error; one more error is told only if there was none."""
        if not self._jobs:
            return
        stop = partial(self._ports.runner.stop, self._jobs.handles, GRACE_S[StopLevel.KILL])
        for step in (stop, *(partial(abandon, flight, self._ports, StopLevel.KILL) for flight in self._jobs.flights)):
            try:
                step()
            except TraintrackError as error:
                self._loop.die(error)


def _materials_of(action: Action) -> frozenset[str]:
    """What has to be read from git for an action, by the digests."""
    lock = action.image.lock_sha256 if isinstance(action.image, PythonImage) else ""
    return frozenset((*action.code.values(), lock))


def _eviction(step: Step, *, replace_results: bool) -> FreeReason | None:
    """Which result must go before the target is executed."""
    if step.reason.code is ReasonCode.SUPERSEDED:
        return FreeReason.SUPERSEDED
    if step.reason.code in (ReasonCode.CORRUPT, ReasonCode.MISSING_BYTES):
        return FreeReason.CORRUPT
    if step.reason.code is ReasonCode.FORCED and replace_results:
        return FreeReason.EVICTED
    return None
