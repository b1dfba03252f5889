"""What is known of each target in a run: its step, its result, how it ended. Every ending is told from here."""

from __future__ import annotations

from collections.abc import Mapping

from traintrack.action.action import ActionGraph
from traintrack.action.cell import Result
from traintrack.action.event import TargetFinished
from traintrack.action.failure import FailureClass
from traintrack.action.file_difference import FileDifference
from traintrack.action.plan import Outcome, Step
from traintrack.digest import TargetId
from traintrack.errors import TraintrackError
from traintrack.execute.flight import Flight
from traintrack.execute.next import Fails
from traintrack.ports.clock import Clock
from traintrack.ports.events import EventSink


class Board:
    """Owned by the loop's thread."""

    def __init__(self, graph: ActionGraph, sink: EventSink, clock: Clock) -> None:
        self.graph = graph
        self.steps: dict[TargetId, Step] = {}
        self.standing: dict[TargetId, Result] = {}
        self.finished: dict[TargetId, TargetFinished] = {}
        self._sink, self._clock = sink, clock

    def label(self, id_: TargetId) -> str:
        """The label of an ID, for people."""
        return self.graph.label_of(id_)

    def is_open(self, id_: TargetId) -> bool:
        """Tell if the target takes part in the run and has not ended."""
        return id_ in self.steps and id_ not in self.finished

    def reopen(self, steps: Mapping[TargetId, Step]) -> None:
        """Take targets in, or back in: what was known of their ending and result is void."""
        for id_, step in steps.items():
            self.steps[id_] = step
            self.finished.pop(id_, None)
            self.standing.pop(id_, None)

    def stands(
        self,
        id_: TargetId,
        result: Result,
        outcome: Outcome,
        message: str = "",
        flight: Flight | None = None,
        differing: tuple[FileDifference, ...] = (),
    ) -> None:
        """A target has a result."""
        self.standing[id_] = result
        notes = flight.notes if flight else []
        self._end(
            TargetFinished(
                id_,
                self.label(id_),
                outcome,
                self.steps[id_].reason,
                duration_s=self._since(flight),
                attempts=flight.attempt if flight else 0,
                artifact=result.artifact,
                record=result.record,
                message=message,
                log=notes[-1].log if notes else None,
                differing=differing,
            )
        )

    def failed(self, id_: TargetId, fails: Fails) -> Outcome:
        """A flight is over without a result, mine or one that I waited on."""
        failure, state, flight = fails.failure, fails.state, fails.flight
        cancelled = failure.failure == FailureClass.CANCELLED.value
        outcome = Outcome.CANCELLED if cancelled else Outcome.FAILED
        self._end(
            TargetFinished(
                id_,
                self.label(id_),
                outcome,
                self.steps[id_].reason,
                duration_s=self._since(flight),
                attempts=flight.attempt if flight else 0,
                record=fails.record,
                failure=failure.failure,
                message=failure.message if flight else f"{failure.message} (in the run that was waited for)",
                hint=fails.hint,
                exit_code=failure.exit_code,
                log=failure.log,
                log_tail=state.log_tail if state else (),
            )
        )
        return outcome

    def broke(self, id_: TargetId, error: TraintrackError) -> None:
        """A target could not go on for a reason outside its task."""
        self._end(
            TargetFinished(
                id_,
                self.label(id_),
                Outcome.FAILED,
                self.steps[id_].reason,
                failure=FailureClass.PLATFORM.value,
                message=error.message,
                hint=error.hint,
                log_tail=error.details,
            )
        )

    def not_run(self, id_: TargetId, outcome: Outcome, because: tuple[str, ...] = ()) -> None:
        """A target was blocked or cancelled."""
        self._end(TargetFinished(id_, self.label(id_), outcome, self.steps[id_].reason, because=because))

    def _end(self, event: TargetFinished) -> None:
        self.finished[event.id] = event
        self._sink.emit(event)

    def _since(self, flight: Flight | None) -> float:
        return self._clock.monotonic() - flight.started if flight else 0.0
