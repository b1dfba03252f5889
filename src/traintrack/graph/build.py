"""From requested labels to the graph of all that they reach; experiments are read as they are met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from traintrack.errors import InputError, Location, raise_all
from traintrack.graph.catalog import Catalog
from traintrack.graph.member_errors import MemberErrors
from traintrack.graph.members import Meant, MemberError, left_out, members_meant
from traintrack.graph.references import ArgReference, NeedReference, read_references
from traintrack.graph.suggest import no_family, unknown_package, unknown_target
from traintrack.graph.target_graph import Edge, FanIn, Leaf, LeafKind, Node, TargetGraph
from traintrack.label import Label, LabelError, Reference
from traintrack.workspace.findings import shown
from traintrack.workspace.model import Experiment, FamilyOfTargets, KeyPath, Target
from traintrack.workspace.suggest import closest, did_you_mean


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
    raise_all(builder.told.counted(builder.errors))
    frozen = {label: leaf for label in wanted if (leaf := builder.frozen_leaf(label)) is not None}
    return TargetGraph(builder.nodes, wanted, frozen)


class _Builder:
    """Walks from target to target with a list of what is still to visit, so that depth costs no stack."""

    def __init__(self, catalog: Catalog) -> None:
        self.nodes: dict[Label, Node] = {}
        self.errors: list[InputError] = []
        self.told = MemberErrors()
        self._catalog = catalog
        self._experiments: dict[str, Experiment | None] = {}
        self._frozen: dict[Label, Leaf] = {}
        self._to_visit: list[tuple[Experiment, Target]] = []
        self._met: set[Label] = set()

    def request(self, label: Label) -> None:
        """Meet a label of the request itself."""
        self._meet(label, None)

    def visit_all(self) -> None:
        """Make a node of every target that was met, and of those met on the way."""
        position = 0
        while position < len(self._to_visit):
            experiment, target = self._to_visit[position]
            position += 1
            before = len(self.errors)
            self.nodes[target.label] = self._node(experiment, target)
            if len(self.errors) > before:
                self.told.thin(self.errors, before, target.label)

    def frozen_leaf(self, label: Label) -> Leaf | None:
        """The leaf of a label that was met and is frozen."""
        return self._frozen.get(label)

    def _node(self, experiment: Experiment, target: Target) -> Node:
        found = read_references(target)
        self.errors.extend(found.errors)
        inputs: list[Edge] = []
        fan_ins: list[FanIn] = []
        for item in found.args:
            self._add_input(experiment, target, item, inputs, fan_ins)
        if target.spec.except_:
            self._check_exceptions(target, fan_ins)
        needs = [edge for need in found.needs for edge in self._needed(target, need)]
        return Node(target, experiment, tuple(inputs), tuple(needs), tuple(fan_ins))

    def _add_input(
        self, experiment: Experiment, target: Target, item: ArgReference, inputs: list[Edge], fan_ins: list[FanIn]
    ) -> None:
        """Add the edge of a reference in the arguments, or those of a fan-in."""
        reference = item.reference
        if reference.label is None or reference.ref is not None:
            edge = self._read_input(experiment, target, item)
        elif not reference.member and not self._families(reference.label.package, target, item.arg_path):
            edge = self._edge(Edge(target, "args", item.arg_path, reference.label, subpath=reference.path), reference)
        else:
            meant = self._meant(reference, item.base_text, Edge(target, "args", item.arg_path, reference.label))
            if isinstance(meant, Meant) and meant.at is not None:
                meant = self._without_exceptions(meant, target, item.arg_path)
                fan_ins.append(FanIn(item.arg_path, len(inputs), meant.at or ()))
                for i, member in enumerate(meant.members):
                    row = Edge(target, "args", (*item.arg_path, i, "path"), member.label, subpath=reference.path)
                    self._append(self._edge(row, reference), inputs)
                return
            if meant is None:
                return
            label = meant.members[0].label if isinstance(meant, Meant) else meant
            edge = self._edge(Edge(target, "args", item.arg_path, label, subpath=reference.path), reference)
        self._append(edge, inputs)

    def _append(self, edge: Edge | None, inputs: list[Edge]) -> None:
        if edge is not None:
            inputs.append(edge)

    def _families(self, package: str, target: Target, arg_path: KeyPath) -> Mapping[str, FamilyOfTargets]:
        """The families of a package; empty where the package has none, or is not there."""
        experiment = self._experiments.get(package)
        if experiment is None and package not in self._experiments:
            experiment = self._experiment(package, Edge(target, "args", arg_path))
        return experiment.families if experiment is not None else {}

    def _meant(self, reference: Reference, text: str, edge: Edge) -> Meant | Label | None:
        """What a reference means that may be to a family; a label where it is to none, None if it is wrong."""
        label = reference.label
        assert label is not None
        experiment = self._experiment(label.package, edge)
        if experiment is None:
            return None
        family = experiment.families.get(label.name)
        if family is None:
            if reference.member is None:
                return label
            pinned = Label(label.package, f"{label.name}@{reference.member}")
            if pinned.name in experiment.lock.frozen:
                return pinned
            known = label.name in experiment.targets
            error = no_family(label, edge.place) if known else unknown_target(label, experiment, edge.place)
            self.errors.append(error)
            return None
        try:
            return members_meant(family, reference.member, text, edge.consumer)
        except MemberError as error:
            self.errors.append(InputError(str(error), code="bad-member", location=edge.place, hint=error.hint))
        except LabelError as error:
            hint = f'write `"{text.partition("@")[0]}@axis=value"`, with `,*` behind it for a list'
            self.errors.append(InputError(str(error), code="bad-member", location=edge.place, hint=hint))
        except InputError as error:
            self.errors.append(error)
        return None

    def _without_exceptions(self, meant: Meant, target: Target, arg_path: KeyPath) -> Meant:
        """Take out what the field `except` leaves out of the list at an argument."""
        name = ".".join(map(str, arg_path))
        exceptions = target.spec.except_.get(name)
        if not exceptions:
            return meant
        kept, idle = left_out(meant, exceptions)
        for number in idle if self._catalog.is_plain else ():  # a smaller grid, as under a profile, has fewer
            place = target.place_of("except", name, number)
            message = f"`except` leaves out what is not in the list of `{shown(name)}`"
            hint = "remove it, or name coordinates of a member"
            self.errors.append(InputError(message, code="unknown-coordinate", location=place, hint=hint))
        if not kept.members:
            place = target.place_of("except", name)
            message = f"`except` leaves nothing of the list of `{shown(name)}`"
            self.errors.append(InputError(message, code="empty-fan-in", location=place, hint="leave out fewer"))
        return kept

    def _check_exceptions(self, target: Target, fan_ins: Sequence[FanIn]) -> None:
        known = [".".join(map(str, one.path)) for one in fan_ins]
        for name in target.spec.except_:
            if name not in known:
                message = f"`except` names `{shown(name)}`, and no list of members stands there in `args`"
                hint = did_you_mean(name, known, "name an argument such as `evals` with `:eval@*` in it")
                place = target.place_of("except", name)
                self.errors.append(InputError(message, code="unknown-argument", location=place, hint=hint))

    def _needed(self, target: Target, need: NeedReference) -> Iterator[Edge]:
        assert need.reference.label is not None
        bare = Edge(target, "needs", (need.index,), need.reference.label)
        meant = self._meant(need.reference, need.text, bare)
        labels = [one.label for one in meant.members] if isinstance(meant, Meant) else [meant] if meant else []
        for label in labels:
            edge = Edge(target, "needs", (need.index,), label)
            leaf = self._reach(edge)
            yield edge if leaf is None else Edge(target, "needs", (need.index,), leaf=leaf)

    def _edge(self, edge: Edge, reference: Reference) -> Edge | None:
        """Reach the producer of an edge, and resolve a named output of it."""
        leaf = self._reach(edge)
        if reference.output is None and leaf is None:
            return edge
        label, subpath = edge.producer, edge.subpath
        assert label is not None
        if reference.output is not None:
            subpath = self._named_output(label, reference.output, edge)
            if subpath is None:
                return None
        return Edge(edge.consumer, edge.field, edge.path, label if leaf is None else None, leaf, subpath)

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
        try:
            target = experiment.targets.get(label.name)
        except InputError as error:
            self._met.add(label)
            self.errors.append(error)
            self.told.thin(self.errors, len(self.errors) - 1, label)
            return
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
        try:
            target = experiment.targets.get(label.name)
        except InputError:
            return None  # told when it was met
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
