"""What a run would do: its options, the plan and what is refused before anything starts."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from traintrack.action.action import Action, ActionGraph
from traintrack.action.plan import Decision, Plan
from traintrack.app.answers import PlannedTarget
from traintrack.app.args_schemas import check_args
from traintrack.app.early_checks import demand_can_run
from traintrack.app.environment import Environment
from traintrack.app.project import Project, action_graph
from traintrack.app.reasons import reason_text
from traintrack.errors import raise_all
from traintrack.label import parse_label
from traintrack.plan.planner import Planner
from traintrack.ports.sources import Tell
from traintrack.ports.storage import Storage
from traintrack.ports.through import Sharing
from traintrack.workspace.model import Target


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
    plan = planner_for(project, graph, environment.storage, options).plan(replace_results=options.replace)
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
    plan = planner_for(project, graph, environment.storage, options).plan(replace_results=options.replace)
    return tuple(graph.label_of(i) for i in plan.superseded)


def planner_for(project: Project, graph: ActionGraph, storage: Storage, options: RunOptions) -> Planner:
    """The planner of a run with these options."""
    return Planner(graph, storage, graph.requested if options.force else (), project.profile or "")


def refuse_early(project: Project, graph: ActionGraph, plan: Plan, environment: Environment, tell: Tell) -> None:
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
