"""`verify --rebuild`: execute a target again beside the result that stands, and say which files differ."""

from __future__ import annotations

from msgspec import Struct

from traintrack.action.cell import CellState
from traintrack.action.event import Event, TargetFinished
from traintrack.action.file_difference import FileDifference
from traintrack.action.plan import Outcome
from traintrack.app.environment import Environment
from traintrack.app.one_target import one_label
from traintrack.app.project import Project, action_graph
from traintrack.app.run_plan import RunOptions
from traintrack.app.run_targets import run_targets
from traintrack.digest import TargetId
from traintrack.errors import CancelledError, InputError, NotFoundError, TaskError
from traintrack.execute.control import RunControl
from traintrack.ports.events import EventSink


class RebuildAnswer(Struct, frozen=True):
    """What came of it: `differing` is sorted by path and empty if all bytes are equal; `files` is how many stand."""

    label: str
    id: TargetId
    files: int
    differing: tuple[FileDifference, ...] = ()


def rebuild(
    project: Project, environment: Environment, text: str, sink: EventSink, control: RunControl
) -> RebuildAnswer:
    """Execute one target again and compare; what stands is not touched, and nothing new is stored for it.

    Raises:
        NotFoundError: it has no result to compare with.
        TaskError: it failed this time.
        CancelledError: it was stopped.
        TraintrackError: it could not be run.
    """
    label = str(one_label(project, text))
    graph = action_graph(project, [label])
    id_ = graph.labels[label]
    if id_ not in graph.actions:
        raise InputError(
            f"`{label}` is not made by a task",
            code="not-a-task",
            hint=f"traintrack verify --data {label}  # hashes its bytes",
        )
    cell = environment.storage.cells.read([id_])[id_].cell
    if cell is None or cell.state is not CellState.DONE or cell.result is None:
        raise NotFoundError(
            f"`{label}` has no result to compare with", code="no-result", hint=f"traintrack run {label}"
        )
    files = environment.storage.artifacts.manifest(cell.result).files
    watch = _Watch(id_, sink)
    run_targets(project, environment, [label], RunOptions(force=True, locked=True), watch, control)
    return RebuildAnswer(label, id_, files, _demand_executed(label, watch.ended).differing)


class _Watch:
    """Passes events on and remembers how one target ended."""

    def __init__(self, id_: TargetId, sink: EventSink) -> None:
        self._id, self._sink = id_, sink
        self.ended: TargetFinished | None = None

    def emit(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, TargetFinished) and event.id == self._id:
            self.ended = event
        self._sink.emit(event)


def _demand_executed(label: str, ended: TargetFinished | None) -> TargetFinished:
    if ended is not None and ended.outcome is Outcome.EXECUTED:
        return ended
    if ended is None or ended.outcome is Outcome.CANCELLED:
        raise CancelledError(
            f"`{label}` was stopped before it could be compared", hint=f"traintrack verify --rebuild {label}"
        )
    raise TaskError(
        f"`{label}` was not made again: {ended.message or ended.outcome.value}",
        code="rebuild-failed",
        hint=ended.hint or f"traintrack log {label}",
        details=ended.log_tail,
    )
