"""From requested labels to the graph of all that they reach; experiments are read as they are met."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.errors import InputError, Location, raise_all
from traintrack.graph.catalog import Catalog
from traintrack.graph.references import ArgReference, read_references, unsupported_member
from traintrack.graph.suggest import unknown_package, unknown_target
from traintrack.graph.target_graph import Edge, Leaf, LeafKind, Node, TargetGraph
from traintrack.label import Label
from traintrack.workspace.model import Experiment, Target
from traintrack.workspace.suggest import closest


def build_graph(catalog: Catalog, requested: Sequence[Label]) -> TargetGraph:
    """Return the graph of the requested targets and everything that they depend on.

    A frozen label is a leaf: what lies below it is not read. References at revisions and aliases are leaves
    too; one without a pin is no error here, so that `traintrack lock` can find what it has to pin.

    Raises:
        InputError: unknown targets and experiments, bad references, broken files; several as `InputErrors`.
    """
    builder = _Builder(catalog)
    wanted = tuple(dict.fromkeys(requested))
    for label in wanted:
        builder.request(label)
    builder.visit_all()
    raise_all(builder.errors)
    frozen = {label: leaf for label in wanted if (leaf := builder.frozen_leaf(label)) is not None}
    return TargetGraph(builder.nodes, wanted, frozen)


class _Builder:
    """Walks from target to target with a list of what is still to visit, so that depth costs no stack."""

    def __init__(self, catalog: Catalog) -> None:
        self.nodes: dict[Label, Node] = {}
        self.errors: list[InputError] = []
        self._catalog = catalog
        self._experiments: dict[str, Experiment | None] = {}
        self._frozen: dict[Label, Leaf] = {}
        self._to_visit: list[tuple[Experiment, Target]] = []
        self._met: set[Label] = set()

    def request(self, label: Label) -> None:
        """Meet a label of the request itself."""
        if "@" in label.name:
            message = f"members of families, as `{label}`, are not supported in this version"
            self.errors.append(unsupported_member(message, None))
            return
        self._meet(label, None)

    def visit_all(self) -> None:
        """Make a node of every target that was met, and of those met on the way."""
        position = 0
        while position < len(self._to_visit):
            experiment, target = self._to_visit[position]
            position += 1
            self.nodes[target.label] = self._node(experiment, target)

    def frozen_leaf(self, label: Label) -> Leaf | None:
        """The leaf of a label that was met and is frozen."""
        return self._frozen.get(label)

    def _node(self, experiment: Experiment, target: Target) -> Node:
        found = read_references(target)
        self.errors.extend(found.errors)
        inputs = [edge for item in found.args if (edge := self._input(experiment, target, item)) is not None]
        needs: list[Edge] = []
        for index, label in enumerate(found.needs):
            edge = Edge(target, "needs", (index,), label)
            leaf = self._reach(edge)
            needs.append(edge if leaf is None else Edge(target, "needs", (index,), leaf=leaf))
        return Node(target, experiment, tuple(inputs), tuple(needs))

    def _input(self, experiment: Experiment, target: Target, item: ArgReference) -> Edge | None:
        reference = item.reference
        if reference.label is None or reference.ref is not None:
            return self._read_input(experiment, target, item)
        label = reference.label
        edge = Edge(target, "args", item.arg_path, label, subpath=reference.path)
        leaf = self._reach(edge)
        if reference.output is None and leaf is None:
            return edge
        subpath = reference.path
        if reference.output is not None:
            subpath = self._named_output(label, reference.output, edge)
            if subpath is None:
                return None
        return Edge(target, "args", item.arg_path, label if leaf is None else None, leaf, subpath)

    def _read_input(self, experiment: Experiment, target: Target, item: ArgReference) -> Edge | None:
        """An edge to what stands at a revision or alias: its ID is in the lock of the consumer's experiment."""
        reference = item.reference
        kind = LeafKind.ALIAS if reference.label is None else LeafKind.REVISION
        name = f"@{reference.alias}" if reference.label is None else f"@{reference.ref}{reference.label}"
        refs = experiment.lock.refs
        pin = refs.get(name) or refs.get(item.base_text)
        leaf = Leaf(kind, name, experiment.package, pin)
        edge = Edge(target, "args", item.arg_path, leaf=leaf, subpath=reference.path)
        if reference.output is None:
            return edge
        self.errors.append(
            InputError(
                f"the output `{reference.output}` of `{name}` is not known here, since its task is not read",
                code="unknown-output",
                location=edge.place,
                hint=f"write the path of the file instead: `{name}/path/in/the/artifact`",
            )
        )
        return None

    def _reach(self, edge: Edge) -> Leaf | None:
        """Meet the producer of an edge, and return its leaf if it is frozen."""
        label = edge.producer
        assert label is not None
        if label not in self._met:
            self._meet(label, edge)
        return self._frozen.get(label)

    def _meet(self, label: Label, origin: Edge | Location | None) -> None:
        """Look a label up once; a mistake in it is told for every place that has it."""
        experiment = self._experiment(label.package, origin)
        if experiment is None:
            return
        pin = experiment.lock.frozen.get(label.name)
        if pin is not None:
            self._met.add(label)
            self._frozen[label] = Leaf(LeafKind.FROZEN, str(label), label.package, pin)
            return
        target = experiment.targets.get(label.name)
        if target is None:
            self.errors.append(unknown_target(label, experiment, _place(origin)))
            return
        if label not in self._met:
            self._met.add(label)
            self._to_visit.append((experiment, target))

    def _experiment(self, package: str, origin: Edge | Location | None) -> Experiment | None:
        if package in self._experiments:
            known = self._experiments[package]
            if known is None and not self._catalog.exists(package):
                self.errors.append(unknown_package(package, self._catalog, _place(origin)))
            return known
        self._experiments[package] = None
        if not self._catalog.exists(package):
            self.errors.append(unknown_package(package, self._catalog, _place(origin)))
            return None
        try:
            self._experiments[package] = self._catalog.experiment(package)
        except InputError as error:
            self.errors.append(error)
        return self._experiments[package]

    def _named_output(self, label: Label, output: str, edge: Edge) -> str | None:
        """The path that the producing target declares for a named output."""
        experiment = self._experiments.get(label.package)
        if experiment is None:
            return None
        target = experiment.targets.get(label.name)
        if target is None:
            if label in self._frozen:
                self.errors.append(_unknown_output(label, output, {}, edge))
            return None
        path = target.spec.outputs.get(output)
        if path is None:
            self.errors.append(_unknown_output(label, output, target.spec.outputs, edge))
            return None
        return path.rstrip("/")


def _unknown_output(label: Label, output: str, outputs: object, edge: Edge) -> InputError:
    names = [str(name) for name in outputs] if isinstance(outputs, dict) else []
    close = closest(output, names)
    hint = f"declare it under `outputs` of `{label}`, or write the path of the file"
    if close is not None:
        hint = f"did you mean `#{close}`?"
    return InputError(
        f"`{label}` has no output named `{output}`", code="unknown-output", location=edge.place, hint=hint
    )


def _place(origin: Edge | Location | None) -> Location | None:
    return origin.place if isinstance(origin, Edge) else origin
