"""Runs targets."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from traintrack.action.action import ActionGraph
from traintrack.action.cell import Owner
from traintrack.action.event import Notice
from traintrack.action.plan import Decision, Outcome, Plan, Step
from traintrack.action.record import Who
from traintrack.app.answers import RunReport
from traintrack.app.attempts import trim_attempts
from traintrack.app.clock import SystemClock
from traintrack.app.environment import Environment, open_sources
from traintrack.app.except_edit import ExceptEdit
from traintrack.app.import_sources import import_sources
from traintrack.app.last_use import note_use
from traintrack.app.materials import GitMaterials
from traintrack.app.one_target import left_out_of
from traintrack.app.project import Project
from traintrack.app.push_after_run import push_after_run
from traintrack.app.remember import begin_sighting, end_sighting
from traintrack.app.roots import note_frozen
from traintrack.app.run_document import run_document
from traintrack.app.run_pins import AddedPins, add_pins, identify_pinned
from traintrack.app.run_plan import RunOptions, planner_for, refuse_early
from traintrack.app.run_report import report_of, saved_s
from traintrack.app.source_check import demand_unchanged
from traintrack.digest import TargetId
from traintrack.errors import UsageError
from traintrack.execute.control import RunControl
from traintrack.execute.flight import Ports
from traintrack.execute.run import Run
from traintrack.execute.settings import RunResult, RunSettings
from traintrack.execute.slots import Capacity
from traintrack.plan.planner import Planner
from traintrack.ports.events import EventSink
from traintrack.ports.sources import Tell
from traintrack.ports.through import ReadsThrough
from traintrack.ports.trust import Refuses
from traintrack.version import VERSION


class _Planned(Struct, frozen=True):
    """What is to be done: the plan, and who can make it anew after data was brought in."""

    pins: AddedPins
    graph: ActionGraph
    planner: Planner
    plan: Plan


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
    planned = _planned(project, environment, texts, options, sink)
    graph, planner, plan = planned.graph, planned.planner, planned.plan
    if plan.to_execute():
        trim_attempts(environment)
    clock, storage, run = SystemClock(), environment.storage, _run_name()
    who = Who(_user(), socket.gethostname(), run, VERSION, project.profile or "")
    started = clock.now_iso()
    with storage.present(run) as owner:
        if _brought_in(project, environment, planned, owner, who, _teller(sink)):
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
    return replace(
        report_of(environment, graph, result, run),
        saved_s=saved_s(storage, planner.history, result),
        new_pins=planned.pins.rows,
        profile=project.profile,
        excepts=_excepts(project, graph, {id_: done.outcome for id_, done in result.finished.items()}),
    )


def _planned(
    project: Project, environment: Environment, texts: Sequence[str], options: RunOptions, sink: EventSink
) -> _Planned:
    """Find out what is to be done, and refuse what cannot be."""
    pins = AddedPins() if options.locked else add_pins(project, texts, _teller(sink))
    identified = identify_pinned(project, texts, pins)
    storage, graph = environment.storage, identified.actions
    if isinstance(storage, Refuses):
        storage.hear_refusals(_warner(sink))
    if isinstance(storage, ReadsThrough):
        storage.attend(_warner(sink), options.sharing)
    planner = planner_for(project, graph, storage, options)
    sighting = begin_sighting(
        project, texts, identified, storage.name, is_pinned=not options.locked and not pins.missing
    )
    plan = planner.plan(replace_results=options.replace)
    end_sighting(sighting, all_stood=all(_stands_here(step) for step in plan.steps.values()))
    refuse_early(project, graph, plan, environment, _teller(sink))
    return _Planned(pins, graph, planner, plan)


def _brought_in(
    project: Project, environment: Environment, planned: _Planned, owner: Owner, who: Who, tell: Tell
) -> bool:
    """See to external data: what is read in its place must be unchanged, what is imported and not here is brought in."""
    graph, steps = planned.graph, planned.plan.steps
    sources = open_sources(project.workspace, environment.name)
    demand_unchanged(sources, [graph.sources[i] for i in steps if graph.stays_outside(i)], tell)
    absent = [graph.sources[i] for i, step in steps.items() if i in graph.sources and not _stands(step)]
    if absent:
        import_sources(absent, environment, sources, owner, who, tell)
    return bool(absent)


def _excepts(project: Project, graph: ActionGraph, outcomes: Mapping[TargetId, Outcome]) -> tuple[ExceptEdit, ...]:
    """What fan-ins would have to leave out so that they can be made without what failed."""
    if all(outcome.good for outcome in outcomes.values()):
        return ()
    from traintrack.app.except_lines import except_edits  # noqa: PLC0415  most runs end well

    return except_edits(graph, outcomes, partial(left_out_of, project))


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
