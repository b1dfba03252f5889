"""Runs targets, or says what a run would do."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.action import Action, ActionGraph
from traintrack.action.event import Notice, TargetFinished
from traintrack.action.plan import Decision, Outcome, Plan, Step
from traintrack.action.record import Who
from traintrack.app.answers import PlannedTarget, RanTarget, RunReport
from traintrack.app.args_schemas import check_args
from traintrack.app.attempts import trim_attempts
from traintrack.app.clock import SystemClock
from traintrack.app.early_checks import demand_can_run
from traintrack.app.environment import Environment, open_sources
from traintrack.app.except_edit import ExceptEdit
from traintrack.app.import_sources import import_sources
from traintrack.app.last_use import note_use
from traintrack.app.materials import GitMaterials
from traintrack.app.one_target import left_out_of
from traintrack.app.project import Project, action_graph
from traintrack.app.push_after_run import push_after_run
from traintrack.app.reasons import reason_text
from traintrack.app.remember import begin_sighting, end_sighting
from traintrack.app.roots import note_frozen
from traintrack.app.run_document import run_document
from traintrack.app.run_pins import AddedPins, add_pins, identify_pinned
from traintrack.app.source_check import demand_unchanged
from traintrack.digest import TargetId
from traintrack.errors import NotFoundError, UsageError, raise_all
from traintrack.execute.control import RunControl
from traintrack.execute.flight import Ports
from traintrack.execute.run import Run
from traintrack.execute.settings import RunResult, RunSettings
from traintrack.execute.slots import Capacity
from traintrack.label import parse_label
from traintrack.plan.history import History
from traintrack.plan.planner import Planner
from traintrack.ports.at_once import at_once
from traintrack.ports.events import EventSink
from traintrack.ports.sources import Tell
from traintrack.ports.storage import Storage
from traintrack.ports.through import ReadsThrough, Sharing
from traintrack.ports.trust import Refuses
from traintrack.version import VERSION
from traintrack.workspace.model import Target

READ_FOR_SAVINGS = 200
"""So many records of reused targets are read to say what the cache saved; more would cost more than it tells."""


class RunOptions(Struct, frozen=True):
    """What the command line says about a run. `jobs` limits how many tasks run at once."""

    jobs: int | None = None
    force: bool = False
    replace: bool = False
    fail_fast: bool = False
    locked: bool = False
    fresh: bool = False
    sharing: Sharing = Sharing.WAIT


def plan_run(
    project: Project, environment: Environment, texts: Sequence[str], options: RunOptions
) -> tuple[PlannedTarget, ...]:
    """Say what a run would do and why, one row per label in order; nothing is written.

    Raises:
        TraintrackError: files, graph or storage are wrong.
    """
    graph = action_graph(project, texts)
    plan = _planner(project, graph, environment.storage, options).plan(replace_results=options.replace)
    _demand_arguments(project, _to_execute(graph, plan))
    rows = []
    for label, id_ in graph.labels.items():
        step = plan.steps.get(id_)
        if step is not None:
            text = reason_text(step.reason)
            rows.append(PlannedTarget(label, id_, step.decision, step.reason, text, step.expected_s))
    return tuple(rows)


def superseded_by(
    project: Project, environment: Environment, texts: Sequence[str], options: RunOptions
) -> tuple[str, ...]:
    """The labels whose results read what `--force --replace` is about to take away."""
    graph = action_graph(project, texts)
    plan = _planner(project, graph, environment.storage, options).plan(replace_results=options.replace)
    return tuple(graph.label_of(i) for i in plan.superseded)


def run_targets(
    project: Project,
    environment: Environment,
    texts: Sequence[str],
    options: RunOptions,
    sink: EventSink,
    control: RunControl,
) -> RunReport:
    """Make what the patterns select, reusing all that stands, and return how every target ended.

    Raises:
        TraintrackError: the run could not be planned, or could not go on.
    """
    if options.replace and not options.force:
        raise UsageError("`--replace` goes with `--force`", hint="add --force, or leave --replace out")
    pins = AddedPins() if options.locked else add_pins(project, texts, _teller(sink))
    identified = identify_pinned(project, texts, pins)
    graph = identified.actions
    clock, storage = SystemClock(), environment.storage
    if isinstance(storage, Refuses):
        storage.hear_refusals(_warner(sink))
    if isinstance(storage, ReadsThrough):
        storage.attend(_warner(sink), options.sharing)
    planner = _planner(project, graph, storage, options)
    sighting = begin_sighting(
        project, texts, identified, storage.name, is_pinned=not options.locked and not pins.missing
    )
    plan = planner.plan(replace_results=options.replace)
    end_sighting(sighting, all_stood=all(_stands_here(step) for step in plan.steps.values()))
    _refuse_early(project, graph, plan, environment, _teller(sink))
    if plan.to_execute():
        trim_attempts(environment)
    run = _run_name()
    who = Who(_user(), socket.gethostname(), run, VERSION, project.profile or "")
    started = clock.now_iso()
    with storage.present(run) as owner:
        sources = open_sources(project.workspace, environment.name)
        tell = _teller(sink)
        demand_unchanged(sources, [graph.sources[i] for i in plan.steps if _stays_outside(graph, i)], tell)
        absent = [graph.sources[i] for i, s in plan.steps.items() if i in graph.sources and not _stands(s)]
        if absent:
            import_sources(absent, environment, sources, owner, who, tell)
            plan = planner.plan(replace_results=options.replace)
        ports = Ports(storage, environment.runner, clock, GitMaterials(project, storage.kept), who)
        settings = RunSettings(
            run,
            _capacity(environment.capacity, options.jobs),
            environment.name,
            fail_fast=options.fail_fast,
            fresh=options.fresh,
        )
        result = Run(
            plan=plan, ports=ports, planner=planner, owner=owner, settings=settings, sink=sink, control=control
        ).execute()
        document = run_document(project, environment, graph, result, who, started, clock.now_iso())
        if _is_news(result):
            storage.ledger.put_run(document)
        else:
            note_use(storage, document.workspace, {row.id: row.keep for row in document.targets}, document.ended)
        note_frozen(project, storage, graph.labels)
    push_after_run(project, environment, result, _warner(sink), _teller(sink))
    outcomes = {id_: done.outcome for id_, done in result.finished.items()}
    excepts = _excepts(project, graph, outcomes)
    report = _report(environment, graph, result, run)
    return replace(
        report,
        saved_s=_saved_s(storage, planner.history, result),
        new_pins=pins.rows,
        profile=project.profile,
        excepts=excepts,
    )


def _excepts(project: Project, graph: ActionGraph, outcomes: Mapping[TargetId, Outcome]) -> tuple[ExceptEdit, ...]:
    """What fan-ins would have to leave out so that they can be made without what failed."""
    if all(outcome.good for outcome in outcomes.values()):
        return ()
    from traintrack.app.except_lines import except_edits  # noqa: PLC0415  most runs end well

    return except_edits(graph, outcomes, partial(left_out_of, project))


def _planner(project: Project, graph: ActionGraph, storage: Storage, options: RunOptions) -> Planner:
    return Planner(graph, storage, graph.requested if options.force else (), project.profile or "")


def _refuse_early(project: Project, graph: ActionGraph, plan: Plan, environment: Environment, tell: Tell) -> None:
    """Say what cannot run here before anything starts; `tell` is given what will run with less than it asks for.

    Raises:
        InputError: arguments are not what a task's schema asks for; all such errors at once.
        TraintrackError: what the runner cannot do; the first reason, with all others as details.
    """
    actions = _to_execute(graph, plan)
    _demand_arguments(project, actions)
    if actions:
        demand_can_run(environment, actions, tell)


def _to_execute(graph: ActionGraph, plan: Plan) -> list[Action]:
    wanted = [i for i, s in plan.steps.items() if s.decision is not Decision.REUSE]
    return [graph.actions[i] for i in wanted if i in graph.actions]


def _demand_arguments(project: Project, actions: Sequence[Action]) -> None:
    """Hold the arguments of what will run against the schemas of their tasks.

    Raises:
        InputError: they are not what a schema asks for; all such errors at once.
    """
    raise_all(list(check_args(project, filter(None, (_declared(project, a) for a in actions)))))


def _declared(project: Project, action: Action) -> Target | None:
    label = parse_label(action.provenance.label)
    return project.loader.experiment(label.package).targets.get(label.name)


def _stays_outside(graph: ActionGraph, id_: TargetId) -> bool:
    return id_ in graph.sources and not graph.sources[id_].imported


def _teller(sink: EventSink) -> Tell:
    return lambda text: sink.emit(Notice(text))


def _warner(sink: EventSink) -> Tell:
    return lambda text: sink.emit(Notice(text, level="warning"))


def _stands_here(step: Step) -> bool:
    """Tell if the storage itself surely has the result: one of another storage is brought in later, or not."""
    result = step.cell.result if step.cell is not None else None
    return _stands(step) and result is not None and not result.home


def _stands(step: Step) -> bool:
    return step.decision is Decision.REUSE


def _capacity(whole: Capacity, jobs: int | None) -> Capacity:
    if jobs is None:
        return whole
    return replace(whole, jobs=jobs, cpu=max(whole.cpu or 0.0, float(jobs)))


def _run_name() -> str:
    # Of a hundred runs that begin in one second two would share 16 bits in one case of fourteen.
    return f"r-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _is_news(result: RunResult) -> bool:
    """A run that only reused leaves no document: doing nothing must cost nothing."""
    return any(f.outcome.value != "reused" for f in result.finished.values())


def _report(environment: Environment, graph: ActionGraph, result: RunResult, run: str) -> RunReport:
    wanted = frozenset(graph.requested)
    targets, requested = [], dict[str, TargetFinished]()
    for label, id_ in graph.labels.items():
        done = result.finished.get(id_)
        if done is None:
            continue
        targets.append(_ran(label, done))
        if id_ in wanted:
            requested[label] = done
    return RunReport(
        run=run,
        environment=environment.name,
        storage=environment.storage.name,
        targets=tuple(targets),
        requested=tuple(requested),
        duration_s=result.duration_s,
        interrupted=result.interrupted,
        path_of=partial(_path_of, environment, graph, requested),
    )


def _path_of(
    environment: Environment, graph: ActionGraph, requested: Mapping[str, TargetFinished], label: str
) -> Path | None:
    done = requested.get(label)
    if done is None or done.artifact is None or _stays_outside(graph, done.id):
        return None
    try:
        return environment.storage.artifacts.path(done.artifact)
    except NotFoundError:
        # Reused from a bucket it may be nowhere on this machine: `pull` brings it.
        return None


def _ran(label: str, done: TargetFinished) -> RanTarget:
    return RanTarget(
        label=label,
        id=done.id,
        outcome=done.outcome,
        reason=done.reason,
        reason_text=reason_text(done.reason),
        attempts=done.attempts,
        duration_s=done.duration_s,
        artifact=done.artifact,
        failure=done.failure,
        message=done.message,
        log=done.log,
    )


def _saved_s(storage: Storage, history: History, result: RunResult) -> float:
    reused = [f for f in result.finished.values() if f.outcome.value in ("reused", "same-inputs", "shared")]
    wanted = [done.record for done in reused[:READ_FOR_SAVINGS] if done.record]
    records = at_once(storage, history.record, wanted)
    return sum((record.timings.task_s for record in records if record is not None), 0.0)
