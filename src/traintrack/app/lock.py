"""`lock`: add to each experiment's TTLOCK.yaml what its IDs need beyond its files, or move what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from traintrack.analysis.identify import analyze
from traintrack.analysis.pins import LackingPins, pins_needed
from traintrack.app.answers import LockedPin, LockReport, Missing
from traintrack.app.environment import AskedRegistries
from traintrack.app.image_pins import (
    IMAGE,
    IMAGE_KINDS,
    ImageDigests,
    image_names,
    moved_tags,
    pin_image,
    without_images,
)
from traintrack.app.project import Project, select_labels, target_graph
from traintrack.app.source_pins import pin_source
from traintrack.errors import HostError, InputError, Location
from traintrack.graph.target_graph import TargetGraph
from traintrack.label import Label
from traintrack.ports.sources import Tell
from traintrack.workspace.lockfile import write_lock
from traintrack.workspace.model import Experiment, Lock, SourcePin


class _LookUp(Struct, frozen=True):
    """Who is asked for pins that are not in git, and who hears of it."""

    tell: Tell
    digests: ImageDigests


class _Renewed(Struct, frozen=True):
    """An experiment with the lock that it should have, and what that adds or moves."""

    experiment: Experiment
    lock: Lock
    pins: tuple[LockedPin, ...]
    missing: tuple[Missing, ...]


def lock(
    project: Project,
    texts: Sequence[str],
    *,
    update: str | None = None,
    check_only: bool = False,
    tell: Tell = lambda _: None,
    digests: ImageDigests | None = None,
) -> LockReport:
    """Pin what the patterns reach and what is not pinned yet; write nothing with `check_only`.

    With `update` the pins of the targets that this pattern names are looked up anew; `changed` then says
    whose IDs that changes. A pin of a commit that the repository does not have any more is left as it is.
    What cannot be pinned here is told in `missing` and keeps nothing else from being pinned. `tell` hears of
    data that takes long to read. `digests` tells what names of images point at: without it, the registries. A check
    without `update` asks them for every pinned tag too, and what has moved is told in `moved`.

    Raises:
        InputError: files or graph are wrong.
        NotFoundError: nothing matched.
        HostError: a lock file cannot be written.
    """
    moved = select_labels(project, [update]) if update is not None else ()
    labels = dict.fromkeys([*(select_labels(project, texts) if texts or not moved else ()), *moved])
    graph = target_graph(project, tuple(labels))
    return lock_graph(project, graph, moved, check_only=check_only, tell=tell, digests=digests)


def lock_graph(
    project: Project,
    graph: TargetGraph,
    moved: Sequence[Label] = (),
    *,
    check_only: bool = False,
    tell: Tell = lambda _: None,
    digests: ImageDigests | None = None,
) -> LockReport:
    """As `lock`, for what a graph reaches; the pins of the `moved` targets are looked up anew.

    An experiment whose lock was written is read anew by who asks for it next: the graph has it as it was.

    Raises:
        InputError: what is not pinned cannot be read.
        HostError: a lock file cannot be written.
    """
    stripped = _stripped(project, graph, frozenset(moved))
    needed = pins_needed(stripped, project.workspace, project.source)
    look = _LookUp(tell, digests or AskedRegistries())
    experiments = {node.experiment.package: node.experiment for node in graph.nodes.values()}
    renewed = [_renewed(project, experiments[package], lacking, look) for package, lacking in needed.packages.items()]
    lacking_answers = tuple(Missing("", "path", "", error) for error in needed.errors)
    report = LockReport(
        added=tuple(pin for one in renewed for pin in one.pins),
        missing=tuple(missing for one in renewed for missing in one.missing) + lacking_answers,
        changed=_changed(project, graph, renewed) if moved else (),
        moved=tuple(moved_tags(project, graph, look.digests)) if check_only and not moved else (),
    )
    if not check_only:
        for one in renewed:
            if one.lock != one.experiment.lock:
                write_lock(project.workspace.root / one.experiment.lock_path, one.lock)
                project.loader.forget(one.experiment.package)
    return report


def _stripped(project: Project, graph: TargetGraph, moved: Collection[Label]) -> TargetGraph:
    """The graph as if the pins of the `moved` targets were not there, as far as they can be looked up again."""
    commits: dict[str, set[str]] = {}
    sources: dict[str, set[str]] = {}
    for label in moved:
        node = graph.nodes.get(label)
        if node is None:
            continue
        spec = node.target.spec
        if spec.source is not None:
            sources.setdefault(label.package, set()).add(spec.source)
        if spec.commit in node.experiment.lock.trees.keys() | node.experiment.lock.locks.keys():
            commits.setdefault(label.package, set()).add(spec.commit or "")
    known = {package: {c for c in found if project.source.has_commit(c)} for package, found in commits.items()}
    locks = {
        package: _without(_lock_of(graph, package), known.get(package, set()), sources.get(package, set()))
        for package in {*known, *sources}
    }
    images = image_names(project, replace(graph, nodes={n: graph.nodes[n] for n in moved if n in graph.nodes}))
    for package, names in images.items():
        locks[package] = without_images(locks.get(package) or _lock_of(graph, package), names)
    return _with_locks(graph, locks)


def _lock_of(graph: TargetGraph, package: str) -> Lock:
    return next(node.experiment.lock for node in graph.nodes.values() if node.experiment.package == package)


def _without(lock: Lock, commits: Collection[str], sources: Collection[str]) -> Lock:
    return replace(
        lock,
        trees={commit: paths for commit, paths in lock.trees.items() if commit not in commits},
        locks={commit: paths for commit, paths in lock.locks.items() if commit not in commits},
        sources={uri: pin for uri, pin in lock.sources.items() if uri not in sources},
    )


def _with_locks(graph: TargetGraph, locks: Mapping[str, Lock]) -> TargetGraph:
    """The same graph over experiments with other locks, by package."""
    if not locks:
        return graph
    nodes = {
        label: replace(node, experiment=replace(node.experiment, lock=locks[node.experiment.package]))
        if node.experiment.package in locks
        else node
        for label, node in graph.nodes.items()
    }
    return replace(graph, nodes=nodes)


def _renewed(project: Project, experiment: Experiment, lacking: LackingPins, look: _LookUp) -> _Renewed:
    old, path = experiment.lock, experiment.lock_path
    pins = [
        *_moved_rows("tree", path, old.trees, lacking.trees),
        *_moved_rows("lock", path, old.locks, lacking.locks),
    ]
    missing: list[Missing] = []
    sources: dict[str, SourcePin] = {}
    images, bases = dict(old.images), dict(old.bases)
    for needed in lacking.needed:
        try:
            if needed.kind in IMAGE_KINDS:
                pins += pin_image(needed, path, images if needed.kind == IMAGE else bases, look.digests)
                continue
            pin = pin_source(project.workspace, needed, look.tell)
        except (InputError, HostError) as error:
            missing.append(Missing(path, needed.kind, needed.name, _placed(error, needed.place)))
            continue
        was = _pinned_as(old.sources.get(needed.name))
        sources[needed.name] = pin  # Also where only the time of looking is new.
        if was != _pinned_as(pin):
            pins.append(LockedPin(path, "source", needed.name, _pinned_as(pin) or "", was))
    lock = replace(
        old,
        trees=_merged(old.trees, lacking.trees),
        locks=_merged(old.locks, lacking.locks),
        sources={**old.sources, **sources},
        images=images,
        bases=bases,
    )
    return _Renewed(experiment, lock, tuple(pins), tuple(missing))


def _pinned_as(pin: SourcePin | None) -> str | None:
    return (pin.content or pin.listing) if pin else None


_Pinned = Mapping[str, Mapping[str, str]]
"""Full commit hash → path → object or digest."""


def _moved_rows(kind: str, lock_path: str, old: _Pinned, new: _Pinned) -> Iterator[LockedPin]:
    for commit, paths in new.items():
        for path, value in paths.items():
            before = old.get(commit, {}).get(path)
            if before != value:
                yield LockedPin(lock_path, kind, f"{path} at {commit[:12]}", value, before)


def _merged(old: _Pinned, new: _Pinned) -> _Pinned:
    return {
        commit: {**old.get(commit, {}), **new.get(commit, {})} for commit in (*old, *(c for c in new if c not in old))
    }


def _placed(error: InputError | HostError, place: Location) -> InputError | HostError:
    """The error at the place that asks for the pin. One of the host stays one: trying again may help."""
    kind = HostError if isinstance(error, HostError) else InputError
    location = error.location or place
    return kind(error.message, code=error.code, location=location, hint=error.hint, details=error.details)


def _changed(project: Project, graph: TargetGraph, renewed: Sequence[_Renewed]) -> tuple[str, ...]:
    """The labels of the workspace whose IDs the new locks change.

    Those of `graph` only where something else is wrong in the workspace; empty where no ID could be computed before.
    """
    locks = {one.experiment.package: one.lock for one in renewed if one.pins}
    if not locks:
        return ()
    for whole in (True, False):
        try:
            seen = target_graph(project, select_labels(project, ["//..."])) if whole else graph
            before = analyze(seen, project.workspace, project.source).labels
            after = analyze(_with_locks(seen, locks), project.workspace, project.source).labels
        except InputError:
            continue
        return tuple(label for label, id_ in after.items() if before.get(label) != id_)
    return ()
