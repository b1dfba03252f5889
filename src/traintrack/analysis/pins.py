"""What TTLOCK.yaml lacks: answers that git has, answers that the world has, and those that nobody has any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from msgspec import Struct

from traintrack.analysis.code import code_paths, revision_of
from traintrack.analysis.images import (
    build_bases,
    build_of,
    digest_in,
    image_ref,
    image_spec,
    needed_revision,
    python_files,
)
from traintrack.analysis.revisions import Revisions, is_full_hash
from traintrack.analysis.sources import pin_kind, source_pin
from traintrack.errors import InputError, InputErrors, Location
from traintrack.graph.target_graph import LeafKind, Node, TargetGraph
from traintrack.workspace.model import Experiment, ImageSpec, Workspace
from traintrack.workspace.source_control import SourceControl


class NeededPin(Struct, frozen=True):
    """Something outside of git that has to be looked up.

    `kind` is `image`, `base`, `content`, `listing`, `revision` or `alias`; `name` is the key of the lock: a ref,
    a URI, or a reference without its sub-path. `platform` is of images.
    """

    kind: str
    name: str
    place: Location
    platform: str | None = None


class LackingPins(Struct, frozen=True):
    """What one experiment's lock lacks.

    `trees`: full commit hash → path → tree id or `<mode>:<blob id>`, answered by git. `locks`: full commit hash
    → file → SHA-256, answered by git. `needed`: what must be asked elsewhere, each once.
    """

    trees: Mapping[str, Mapping[str, str]]
    locks: Mapping[str, Mapping[str, str]]
    needed: tuple[NeededPin, ...]


class PinsNeeded(Struct, frozen=True):
    """What all locks of a graph lack, by package, without those that lack nothing.

    `errors` is what no lock can mend: paths that are not in a commit, commits that nobody has.
    """

    packages: Mapping[str, LackingPins]
    errors: tuple[InputError, ...]


def pins_needed(graph: TargetGraph, workspace: Workspace, source: SourceControl) -> PinsNeeded:
    """Say what the locks of the graph's experiments lack; nothing outside of git is asked.

    Raises:
        HostError: git fails.
    """
    search = _Search(workspace, source)
    for node in graph.nodes.values():
        search.look_at(node)
    return search.found()


class _Search:
    """Looks at each target once, and once at each code, image and commit of an experiment."""

    def __init__(self, workspace: Workspace, source: SourceControl) -> None:
        self._workspace = workspace
        self._head = source.head()
        self._revisions = Revisions(source)
        self._errors: list[InputError] = []
        self._trees: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        self._locks: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        self._needed: dict[str, dict[tuple[str, str], NeededPin]] = defaultdict(dict)
        self._seen_code: set[tuple[str, str | None, str]] = set()
        self._seen_images: set[tuple[str, str, str | None]] = set()

    def look_at(self, node: Node) -> None:
        """Note what the target's recipe asks for and its experiment's lock does not have."""
        package = node.experiment.package
        for edge in node.inputs:
            leaf = edge.leaf
            if leaf is not None and leaf.pin is None and leaf.kind is not LeafKind.FROZEN:
                self._need(package, NeededPin(leaf.kind.value, leaf.name, edge.place))
        spec = node.target.spec
        if spec.source is not None and spec.task is None:
            if source_pin(node.target, node.experiment) is None:
                self._need(package, NeededPin(pin_kind(node.target), spec.source, node.target.place_of("source")))
            return
        try:
            revision = revision_of(node.target)
        except InputError as error:
            self._errors.append(error)
            return
        self._collect(lambda: self._code(node, revision))
        self._collect(lambda: self._image(node, revision))

    def found(self) -> PinsNeeded:
        """Return what was noted."""
        packages = sorted({*self._trees, *self._locks, *self._needed})
        lacking = {
            package: LackingPins(
                trees={c: dict(paths) for c, paths in sorted(self._trees.get(package, {}).items())},
                locks={c: dict(paths) for c, paths in sorted(self._locks.get(package, {}).items())},
                needed=tuple(self._needed.get(package, {}).values()),
            )
            for package in packages
        }
        flat = [inner for e in self._errors for inner in (e.errors if isinstance(e, InputErrors) else (e,))]
        unique = {(e.location, e.code, e.message): e for e in flat}
        return PinsNeeded(lacking, tuple(unique.values()))

    def _need(self, package: str, pin: NeededPin) -> None:
        self._needed[package].setdefault((pin.kind, pin.name), pin)

    def _collect(self, look: Callable[[], None]) -> None:
        try:
            look()
        except InputError as error:
            self._errors.append(error)

    def _code(self, node: Node, revision: str | None) -> None:
        target, package = node.target, node.experiment.package
        wanted = code_paths(target, revision)
        paths = [path for path in wanted if (package, revision, path) not in self._seen_code]
        if not paths:
            return
        place = target.place_of("paths" if target.spec.paths is not None else "commit")
        for path in paths:
            self._collect(lambda path=path: self._tree(node.experiment, revision or "", path, place))  # type: ignore[misc]

    def _tree(self, experiment: Experiment, revision: str, path: str, place: Location) -> None:
        object_id = self._revisions.object_at(revision, path, experiment.lock, place)
        # What is wrong is told of each target, what is right need not be looked at again.
        self._seen_code.add((experiment.package, revision, path))
        if is_full_hash(revision) and path not in experiment.lock.trees.get(revision, {}):
            self._trees[experiment.package][revision][path] = object_id

    def _file(self, experiment: Experiment, revision: str, path: str, place: Location) -> None:
        digest = self._revisions.sha256_at(revision, path, experiment.lock, place)
        if is_full_hash(revision) and path not in experiment.lock.locks.get(revision, {}):
            self._locks[experiment.package][revision][path] = digest

    def _image(self, node: Node, revision: str | None) -> None:
        experiment = node.experiment
        name = node.target.spec.image
        if isinstance(name, str):
            key = (experiment.package, name, revision)
            if key in self._seen_images:
                return
            self._seen_images.add(key)
        spec = image_spec(node.target, experiment, self._workspace)
        if spec.ref is not None:
            ref = image_ref(spec, revision, self._head)
            if digest_in(ref) is None and ref not in experiment.lock.images:
                self._need(experiment.package, self._image_pin("image", ref, spec))
            return
        at = needed_revision(spec, revision)
        if spec.build is not None:
            self._build(experiment, spec, at)
            return
        for path in python_files(spec):
            self._collect(lambda path=path: self._file(experiment, at, path, spec.place))  # type: ignore[misc]

    def _build(self, experiment: Experiment, spec: ImageSpec, revision: str) -> None:
        build = build_of(spec)
        # The Dockerfile itself is locked as well: its blob still names the bases when the commit is gone.
        for path in dict.fromkeys((*build.paths, build.dockerfile)):
            self._collect(lambda path=path: self._tree(experiment, revision, path, spec.place))  # type: ignore[misc]
        for ref in build_bases(spec, build, self._revisions, revision, experiment.lock):
            if digest_in(ref) is None and ref not in experiment.lock.bases:
                self._need(experiment.package, self._image_pin("base", ref, spec))

    def _image_pin(self, kind: str, ref: str, spec: ImageSpec) -> NeededPin:
        return NeededPin(kind, ref, spec.place, spec.platform or self._workspace.platform)
