"""`check`: everything that can be found wrong without running anything, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from traintrack.analysis.code import Codes, revision_of
from traintrack.analysis.identify import analyze
from traintrack.analysis.revisions import Revisions
from traintrack.app.answers import CheckReport
from traintrack.app.args_schemas import check_args
from traintrack.app.argument_lint import ArgumentLint
from traintrack.app.fresh import stale_sources
from traintrack.app.project import Project, parse_patterns, select_labels, target_graph
from traintrack.errors import InputError, InputErrors
from traintrack.graph.select import labels_of
from traintrack.graph.target_graph import Node, TargetGraph
from traintrack.label import Label, Pattern
from traintrack.ports.sources import Tell
from traintrack.workspace.code_pack import check_code

_MISSING_PIN = "missing-pin"


class Freshness(Struct, frozen=True):
    """That sources are to be looked at as well: `now` is what ages are counted from, `tell` hears of long reading."""

    now: datetime
    tell: Tell = lambda _: None


def check(project: Project, texts: Sequence[str] = (), fresh: Freshness | None = None) -> CheckReport:
    """Look at all that the patterns reach, by default at the whole workspace.

    Files, labels, cycles, schemas of arguments, identity and the code of every target. What is wrong in one
    experiment hides nothing in another. A missing pin is a warning, since `run` adds it; `lock --check` and
    `run --locked` refuse it. Nothing outside of the workspace is asked, but with `fresh`.

    Raises:
        UsageError: a text is not a pattern.
        NotFoundError: nothing matched.
    """
    errors: list[InputError] = []
    labels = _labels(project, texts or ("//...",), errors)
    graphs = _graphs(project, labels, errors)
    nodes = {label: node for graph in graphs for label, node in graph.nodes.items()}
    lint = ArgumentLint(project.workspace.root)
    warnings = [warning for node in nodes.values() for warning in lint.warnings(node.target)]
    errors += check_args(project, (node.target for node in nodes.values()))
    for graph in graphs:
        errors += _identity_errors(project, graph)
    errors += _code_errors(project, nodes.values())
    pins = [error for error in _flat(errors) if error.code == _MISSING_PIN]
    return CheckReport(
        experiments=len(_packages((*labels, *nodes))),
        targets=len({*labels, *nodes}),
        errors=_sorted(error for error in _flat(errors) if error.code != _MISSING_PIN),
        warnings=_sorted([*warnings, *pins]),
        stale=stale_sources(project, nodes.values(), fresh.now, fresh.tell) if fresh is not None else (),
    )


def _labels(project: Project, texts: Sequence[str], errors: list[InputError]) -> tuple[Label, ...]:
    """What the patterns select, less the experiments that cannot be read."""
    try:
        return select_labels(project, texts)
    except InputError as error:
        errors.append(error)
    found: dict[Label, None] = {}
    for pattern in parse_patterns(project, texts):
        if pattern.exclude:
            found = {label: None for label in found if not pattern.matches(label)}
        else:
            found |= dict.fromkeys(_readable(project, pattern))
    return tuple(found)


def _readable(project: Project, pattern: Pattern) -> Iterator[Label]:
    packages = project.loader.packages(pattern.package) if pattern.recursive else [pattern.package]
    for package in packages:
        try:
            labels = labels_of(project.loader.experiment(package))
        except InputError:
            continue  # Its errors are in the list already.
        yield from (label for label in labels if pattern.matches(label))


def _graphs(project: Project, labels: Sequence[Label], errors: list[InputError]) -> list[TargetGraph]:
    """The graph of all labels; where that cannot be built, those of the folders, else of the labels, that can."""
    if not labels:
        return []
    try:
        return [target_graph(project, labels)]
    except InputError as error:
        errors.append(error)
    return [graph for part in _parts(labels) for graph in _graphs(project, part, errors)]


def _parts(labels: Sequence[Label]) -> list[list[Label]]:
    """The labels by folder; those of a single folder one by one; a single label has no parts."""
    by_package: dict[str, list[Label]] = {}
    for label in labels:
        by_package.setdefault(label.package, []).append(label)
    if len(by_package) > 1:
        return list(by_package.values())
    return [[label] for label in labels] if len(labels) > 1 else []


def _identity_errors(project: Project, graph: TargetGraph) -> Iterator[InputError]:
    """What keeps IDs from being computed. A cycle hides all else in its graph, so the parts are looked at then."""
    try:
        analyze(graph, project.workspace, project.source)
    except InputError as error:
        yield error
        for part in _parts(graph.requested) if len(_packages(graph.requested)) > 1 else ():
            yield from _identity_errors(project, target_graph(project, part))


def _packages(labels: Iterable[Label]) -> set[str]:
    return {label.package for label in labels}


def _code_errors(project: Project, nodes: Iterable[Node]) -> Iterator[InputError]:
    """What is wrong with the code that targets get; equal code is looked at once."""
    codes = Codes(Revisions(project.source))
    seen: set[tuple[tuple[str, str], ...]] = set()
    for node in nodes:
        if node.target.spec.task is None:
            continue
        try:
            code = codes.resolve(node.target, revision_of(node.target), node.experiment.lock)
        except InputError:
            continue  # Its ID cannot be computed either, and that says why.
        key = tuple(code.items())
        if key not in seen:
            seen.add(key)
            yield from check_code(project.source, code)


def _flat(errors: Iterable[InputError]) -> Iterator[InputError]:
    for error in errors:
        yield from error.errors if isinstance(error, InputErrors) else (error,)


def _sorted(errors: Iterable[InputError]) -> tuple[InputError, ...]:
    found = list(errors)
    return InputErrors(found).errors if found else ()
