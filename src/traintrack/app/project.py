"""An opened workspace: its files, its repository, and the way from patterns to actions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from traintrack.action.action import ActionGraph
from traintrack.analysis.identify import analyze
from traintrack.app.profile_names import demand_profile
from traintrack.errors import UsageError
from traintrack.graph.build import build_graph
from traintrack.graph.select import select
from traintrack.graph.target_graph import TargetGraph
from traintrack.label import Label, LabelError, Pattern, parse_pattern
from traintrack.workspace.git import GitRepository, open_repository
from traintrack.workspace.load import Loader, find_workspace, load_workspace
from traintrack.workspace.model import Workspace
from traintrack.workspace.sets import parse_set


class Project(Struct, frozen=True):
    """What most use cases start from. `current_package` is the folder that relative patterns are read from.

    `profile` is the name of the one that lies over the targets, None if they are as they are declared.
    """

    workspace: Workspace
    loader: Loader
    source: GitRepository
    current_package: str
    profile: str | None = None


class Selected(Struct, frozen=True):
    """The labels that patterns select, in order, and all that they reach."""

    labels: tuple[Label, ...]
    targets: TargetGraph


class Identified(Struct, frozen=True):
    """What a request came to: the labels that it selects, in its order, all that they reach, and the actions with IDs."""

    labels: tuple[Label, ...]
    targets: TargetGraph
    actions: ActionGraph


def open_project(
    start: Path,
    *,
    sets: Sequence[str] = (),
    worktree: bool = False,
    requested: Sequence[str] = (),
    profile: str | None = None,
) -> Project:
    """Open the workspace that `start` lies in.

    Args:
        start: a folder of the workspace; relative patterns are read from it.
        sets: texts of `--set`, laid over what the files say.
        worktree: read code from the working tree where the files say `HEAD` or a commit.
        requested: the patterns of the command; `worktree` and sets without a pattern of their own apply to these.
        profile: the name of a profile that is laid over every target, below the sets.

    Raises:
        UsageError: a set or a pattern is misspelt, or no file declares the profile.
        InputError: there is no workspace above `start`, or its TTWORKSPACE.yaml is wrong.
        HostError: git is missing or this is no repository.
    """
    root = find_workspace(start)
    workspace = load_workspace(root)
    current = start.resolve().relative_to(root.resolve()).as_posix()
    package = "" if current == "." else current
    options = [parse_set(text, package) for text in sets]
    patterns = _patterns(requested, package) if sets or worktree else ()
    if profile is not None:
        demand_profile(workspace, package, profile)
    loader = Loader(workspace, sets=options, worktree=worktree, requested=patterns, profile=profile)
    return Project(workspace, loader, open_repository(root), package, profile)


def parse_patterns(project: Project, texts: Sequence[str]) -> list[Pattern]:
    """Read patterns relative to the current folder; no text means all targets of the current experiment.

    Raises:
        UsageError: a text is not a pattern.
    """
    return _patterns(texts, project.current_package)


def select_labels(project: Project, texts: Sequence[str]) -> tuple[Label, ...]:
    """Return the labels that the patterns select, each once; no text means all of the current experiment.

    Raises:
        NotFoundError: nothing matched.
        InputError: a file that was reached is wrong.
    """
    return select(project.loader, texts or (":*",), project.current_package)


def target_graph(project: Project, labels: Sequence[Label]) -> TargetGraph:
    """Return the graph of what the labels reach, without cycles.

    Raises:
        InputError: a reference leads nowhere, or in a circle; all such errors at once.
    """
    return build_graph(project.loader, labels)


def action_graph(project: Project, texts: Sequence[str]) -> ActionGraph:
    """Return actions with IDs for what the patterns select and all that it depends on; runs nothing.

    Raises:
        NotFoundError: nothing matched.
        InputError: files, graph or pins are wrong; all such errors at once.
    """
    return identify(project, texts).actions


def identify(project: Project, texts: Sequence[str]) -> Identified:
    """As `action_graph`, with what the actions were made from."""
    return identify_selected(project, selected(project, texts))


def identify_selected(project: Project, found: Selected) -> Identified:
    """As `identify`, of what was selected already."""
    return Identified(found.labels, found.targets, analyze(found.targets, project.workspace, project.source))


def selected(project: Project, texts: Sequence[str]) -> Selected:
    """Return what the patterns select, and all that it reaches.

    Raises:
        NotFoundError: nothing matched.
        InputError: files or graph are wrong; all such errors at once.
    """
    labels = select_labels(project, texts)
    return Selected(labels, target_graph(project, labels))


def is_as_read(project: Project, targets: TargetGraph) -> bool:
    """Tell if none of the experiments of a graph has been read anew since, as after a change of its lock."""
    experiments = {node.experiment.package: node.experiment for node in targets.nodes.values()}
    return all(project.loader.experiment(package) is known for package, known in experiments.items())


def _patterns(texts: Sequence[str], package: str) -> list[Pattern]:
    try:
        return [parse_pattern(text, package) for text in texts or (":*",)]
    except LabelError as error:
        raise UsageError(str(error), code="bad-pattern", hint="try `//folder:target` or `//folder/...`") from error
