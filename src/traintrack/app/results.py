"""`results`: what targets came to, a row for each with its coordinates, arguments and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.cell import Cell, CellState
from traintrack.app.argument_values import argument_values, only_differing
from traintrack.app.environment import Environment
from traintrack.app.metrics_file import Value
from traintrack.app.project import Identified, Project, identify
from traintrack.app.read_metrics import USUAL_FILE, Found, find_metrics
from traintrack.app.result_row import ResultRow
from traintrack.digest import TargetId
from traintrack.errors import NotFoundError, TraintrackError
from traintrack.family_name import coordinates_of, family_of
from traintrack.label import Label
from traintrack.plan.cells_for_plan import cells_for_plan
from traintrack.ports.at_once import at_once
from traintrack.ports.storage import Storage
from traintrack.workspace.model import Target

METRICS = "metrics"
"""The named output that is looked into."""


class Arguments(Enum):
    """Which arguments are told: all, or of targets without a family those that differ among them."""

    DIFFERING = "differing"
    ALL = "all"


class Results(Struct, frozen=True):
    """`rows` in the order of the request. `without` are the targets with a result that has no metrics: they have no row."""

    rows: tuple[ResultRow, ...]
    without: tuple[str, ...] = ()


class _Asked(Struct, frozen=True):
    """A target of the request, and where its metrics are; `target` is None for a frozen one that is not declared any more."""

    label: Label
    id: TargetId
    target: Target | None
    path: str

    @property
    def family(self) -> str:
        """The label of its family, else its own."""
        return family_of(str(self.label)) or str(self.label)


def results(
    project: Project,
    environment: Environment,
    texts: Sequence[str],
    *,
    file: str | None = None,
    arguments: Arguments = Arguments.DIFFERING,
) -> Results:
    """Return a row for each task that the patterns name, with the metrics of its result.

    They are read from `file`, a path in the result or the name of an output; without it from the output `metrics`, else
    from `metrics.json`. A member without them has a row if others of its family have metrics.

    Raises:
        InputError: the workspace is wrong.
        NotFoundError: nothing matched, or there are no metrics at all (`no-result`, `no-metrics`).
        HostError: the storage cannot be read.
    """
    storage = environment.storage
    asked = _asked(identify(project, texts), file)
    cells = cells_for_plan(storage.cells, list(dict.fromkeys(one.id for one in asked)))
    found = at_once(storage, lambda one: find_metrics(storage, cells[one.id].cell, one.path), asked)
    pairs = list(zip(asked, found, strict=True))
    telling = {one.family for one, what in pairs if what.metrics is not None or what.problem}
    if not telling:
        raise _nothing(storage, asked, [cells[one.id].cell for one in asked], texts)
    without = dict.fromkeys(one.family for one, what in pairs if what.state.has_result and one.family not in telling)
    pairs = [pair for pair in pairs if pair[0].family not in without]
    args = _arguments([one for one, _ in pairs], arguments)
    rows = [_row(one, what, some) for (one, what), some in zip(pairs, args, strict=True)]
    return Results(tuple(rows), tuple(without))


def _asked(identified: Identified, file: str | None) -> list[_Asked]:
    """The tasks of a request; data from outside has no metrics."""
    asked = []
    for label in identified.labels:
        node = identified.targets.nodes.get(label)
        target = node.target if node is not None else None
        if target is None or target.spec.task is not None:
            asked.append(_Asked(label, identified.actions.labels[str(label)], target, _path(target, file)))
    return asked


def _path(target: Target | None, file: str | None) -> str:
    outputs = target.spec.outputs if target is not None else {}
    return outputs.get(file or METRICS, file or USUAL_FILE).strip("/")


def _arguments(asked: Sequence[_Asked], arguments: Arguments) -> list[dict[str, Value]]:
    args = [argument_values(one.target.spec.args) if one.target is not None else {} for one in asked]
    if arguments is Arguments.ALL:
        return args
    alone = [at for at, one in enumerate(asked) if family_of(one.label.name) is None]
    told = dict(zip(alone, only_differing([args[at] for at in alone]), strict=True))
    return [told.get(at, {}) for at in range(len(asked))]


def _row(asked: _Asked, found: Found, args: Mapping[str, Value]) -> ResultRow:
    row = ResultRow(str(asked.label), asked.id, found.state, _coordinates(asked), args, found.metrics or {})
    return replace(row, problem=found.problem, detail=found.detail) if found.problem else row


def _coordinates(asked: _Asked) -> dict[str, Value | None]:
    target = asked.target
    if target is None:
        return dict(coordinates_of(str(asked.label)))
    return {axis: one.shown for axis, one in zip(target.axes, target.point, strict=True)}


def _nothing(
    storage: Storage, asked: Sequence[_Asked], cells: Sequence[Cell | None], texts: Sequence[str]
) -> NotFoundError:
    """The error for a request in which nothing has metrics."""
    done = [(one, cell) for one, cell in zip(asked, cells, strict=True) if cell and cell.state is CellState.DONE]
    words = " ".join(_word(text) for text in texts)
    if not done:
        message = f"nothing that is asked for has a result in {storage.name}"
        return NotFoundError(message, code="no-result", hint=f"traintrack run {words}".rstrip())
    one, cell = done[0]
    more = f" and {len(done) - 1} more have" if len(done) > 1 else " has"
    other = _other_file(storage, cell)
    hint = "write `metrics.json`, or say in the target which file it is: `outputs: {metrics: metrics.json}`"
    return NotFoundError(
        f"the result of `{one.label}`{more} no `{one.path}`",
        code="no-metrics",
        hint=f"traintrack results {words} --file {other}".replace("  ", " ") if other else hint,
    )


def _word(text: str) -> str:
    return f"'{text}'" if "@" in text or "*" in text else text


def _other_file(storage: Storage, cell: Cell) -> str | None:
    """A JSON file at the top of a result that may be what is meant."""
    try:
        entries = storage.artifacts.manifest(cell.result).entries if cell.result else ()
    except TraintrackError:
        return None
    return next((entry.path for entry in entries if entry.path.endswith(".json") and "/" not in entry.path), None)
