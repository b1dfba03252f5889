"""From the graph of targets to actions: the ID of each follows from its recipe and the IDs of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from traintrack.action.action import Action, ActionGraph, Deliver, ExternalData, Input, Provenance
from traintrack.action.keep import longest
from traintrack.action.parallel import tightest
from traintrack.action.placing import Placing
from traintrack.analysis.code import Codes, revision_of
from traintrack.analysis.images import Images, ResolvedImage, missing_pin
from traintrack.analysis.preimage import (
    ArtifactValue,
    MemberValue,
    hashed_value,
    plain_value,
    put,
    put_artifact,
    put_family,
)
from traintrack.analysis.preimage_bytes import PreimageBytes
from traintrack.analysis.revisions import Revisions
from traintrack.analysis.sources import demand_mountable, external_data
from traintrack.analysis.terms import (
    check_deliver,
    deliver_of,
    keep_of,
    parallel_of,
    placing_of,
    resources_of,
    retries_of,
    secrets_of,
    timeout_of,
)
from traintrack.digest import NotCanonicalError, TargetId, target_id
from traintrack.errors import InputError, raise_all
from traintrack.graph.member_errors import MemberErrors
from traintrack.graph.order import numbered_order, topological_order
from traintrack.graph.target_graph import Edge, Leaf, Node, TargetGraph
from traintrack.label import Label
from traintrack.workspace.model import KeyPath, Target, Workspace
from traintrack.workspace.source_control import HEAD, SourceControl


def analyze(graph: TargetGraph, workspace: Workspace, source: SourceControl) -> ActionGraph:
    """Compute the ID of every target, inputs first, and return the actions.

    Sources, frozen targets, revisions and aliases become leaves. Targets with equal recipes become one
    action: the first in graph order gives its terms, and `needs` and `outputs` of the others are added.

    Raises:
        InputError: cycles, missing pins, paths, images and commits; several as `InputErrors`.
        HostError: git fails.
    """
    order = topological_order(graph)
    identifier = _Identifier(workspace, source)
    for leaf_label, leaf in graph.frozen.items():
        identifier.add_frozen(leaf_label, leaf)
    for label in order:
        identifier.add(graph.nodes[label])
    raise_all(identifier.told.counted(identifier.errors))
    return identifier.finished(graph.requested)


class _Identifier:
    """Goes through the targets in order; one whose input could not be identified is passed over in silence."""

    def __init__(self, workspace: Workspace, source: SourceControl) -> None:
        self.errors: list[InputError] = []
        self.told = MemberErrors()
        self._workspace = workspace
        self._head = source.head()
        self._revisions = Revisions(source)
        self._codes = Codes(self._revisions)
        self._images = Images(workspace, self._revisions, self._head)
        self._bytes = PreimageBytes()
        self._ids: dict[Label, TargetId] = {}
        self._actions: dict[TargetId, Action] = {}
        self._leaves: dict[TargetId, str] = {}
        self._sources: dict[TargetId, ExternalData] = {}
        self._added_needs: dict[TargetId, list[TargetId]] = {}

    def add_frozen(self, label: Label, leaf: Leaf) -> None:
        """Note a requested label whose ID is read."""
        assert leaf.pin is not None
        self._ids[label] = self._leaf_id(leaf)

    def add(self, node: Node) -> None:
        """Identify one target, all of whose inputs were added before."""
        try:
            if node.target.spec.source is not None and node.target.spec.task is None:
                self._add_source(node)
                return
            action = self._action(node)
        except InputError as error:
            self.errors.append(error)
            self.told.thin(self.errors, len(self.errors) - 1, node.target.label)
            return
        if action is None:
            return
        self._ids[node.target.label] = action.id
        standing = self._actions.setdefault(action.id, action)
        if standing is not action:
            self._merge(standing, action)

    def finished(self, requested: tuple[Label, ...]) -> ActionGraph:
        """Return the graph of all that was added."""
        order = self._order_with_added_needs() if self._added_needs else tuple(self._actions)
        return ActionGraph(
            actions={id_: self._actions[id_] for id_ in order},
            labels={str(label): id_ for label, id_ in self._ids.items()},
            requested=tuple(dict.fromkeys(self._ids[label] for label in requested)),
            order=order,
            leaves=self._leaves,
            sources=self._sources,
        )

    def _add_source(self, node: Node) -> None:
        target = node.target
        data = external_data(target, node.experiment, self._provenance(target, None))
        self._ids[target.label] = data.id
        self._leaves[data.id] = data.content or ""
        self._sources.setdefault(data.id, data)

    def _action(self, node: Node) -> Action | None:
        """The action of a target, None if something below it is wrong. All that is wrong with it comes out at once."""
        target, experiment = node.target, node.experiment
        spec = target.spec
        revision = revision_of(target)
        errors: list[InputError] = []
        image, code = None, None
        try:
            image = self._images.resolve(target, experiment, revision)
        except InputError as error:
            errors.append(error)
        try:
            code = self._codes.resolve(target, revision, experiment.lock)
        except InputError as error:
            errors.append(error)
        artifacts = [self._artifact(edge, errors) for edge in node.inputs]
        errors += check_deliver(target, (edge.path for edge in node.inputs))
        raise_all(errors)
        needs = [self._ids.get(edge.producer) for edge in node.needs if edge.producer is not None]
        if image is None or code is None or None in artifacts or None in needs:
            return None
        inputs = [(edge, value) for edge, value in zip(node.inputs, artifacts, strict=True) if value is not None]
        preimage = self._preimage(node, image, code, inputs)
        return Action(
            id=target_id(preimage),
            preimage=preimage,
            task=spec.task or "",
            image=image.image,
            entrypoint=image.entrypoint,
            platform=image.platform,
            config=_config(node),
            inputs=tuple(self._input(target, edge, value) for edge, value in inputs),
            code=code,
            env=spec.env,
            secrets=secrets_of(target) if spec.secrets else (),
            needs=tuple(dict.fromkeys(id_ for id_ in needs if id_ is not None and id_ not in self._leaves)),
            outputs=spec.outputs,
            resources=resources_of(target),
            retries=retries_of(target),
            timeout_s=timeout_of(target),
            network=spec.network,
            isolation=image.isolation,
            provenance=self._provenance(target, revision),
            keep=keep_of(target),
            placing=placing_of(target),
            parallel=parallel_of(target),
        )

    def _preimage(
        self,
        node: Node,
        image: ResolvedImage,
        code: Mapping[str, str],
        inputs: list[tuple[Edge, ArtifactValue]],
    ) -> bytes:
        target, spec = node.target, node.target.spec
        args = hashed_value(spec.args)
        listed: set[int] = set()
        for fan_in in node.fan_ins:
            rows = range(fan_in.first, fan_in.first + len(fan_in.at))
            values = (inputs[number][1] for number in rows)
            members = [MemberValue(at, one.id, one.path) for at, one in zip(fan_in.at, values, strict=True)]
            put_family(args, fan_in.path, members)
            listed.update(rows)
        for number, (edge, value) in enumerate(inputs):
            if number not in listed:
                put_artifact(args, edge.path, value)
        try:
            return self._bytes.of(spec, image, code, args)
        except NotCanonicalError as error:
            raise InputError(
                f"the arguments of `{target.label}` cannot be hashed: {error}",
                code="not-canonical",
                location=target.place_of("args"),
                hint="use text that is valid Unicode, finite numbers, and text as keys",
            ) from error

    def _artifact(self, edge: Edge, errors: list[InputError]) -> ArtifactValue | None:
        if edge.leaf is None:
            assert edge.producer is not None
            id_ = self._ids.get(edge.producer)
            return None if id_ is None else ArtifactValue(id_, edge.subpath)
        if edge.leaf.pin is None:
            errors.append(missing_pin(f"`{edge.leaf.name}`", edge.place))
            return None
        return ArtifactValue(self._leaf_id(edge.leaf), edge.subpath)

    def _leaf_id(self, leaf: Leaf) -> TargetId:
        assert leaf.pin is not None
        id_ = TargetId(leaf.pin.id)
        self._leaves[id_] = leaf.pin.artifact or self._leaves.get(id_, "")
        return id_

    def _input(self, target: Target, edge: Edge, value: ArtifactValue) -> Input:
        source = self._sources.get(value.id)
        deliver = deliver_of(target, edge.path, Deliver.COPY if source is None else source.deliver)
        if source is None:
            return Input(value.id, edge.path, value.path, deliver)
        demand_mountable(source, deliver, target)
        return Input(value.id, edge.path, value.path, deliver, source.origin)

    def _provenance(self, target: Target, revision: str | None) -> Provenance:
        return Provenance(
            workspace=self._workspace.name,
            label=str(target.label),
            place=f"{target.place.path}:{target.place.line}",
            commit=self._head if revision == HEAD else revision,
            workspace_commit=self._head,
            description=target.spec.description,
        )

    def _merge(self, standing: Action, other: Action) -> None:
        """Add what another label with the same recipe demands beyond the first."""
        if other.keep != standing.keep:
            standing = replace(standing, keep=longest(standing.keep, other.keep))
            self._actions[standing.id] = standing
        if other.placing is Placing.PLAIN:
            standing = replace(standing, placing=Placing.PLAIN)
            self._actions[standing.id] = standing
        if other.parallel != standing.parallel:
            standing = replace(standing, parallel=tightest(standing.parallel, other.parallel))
            self._actions[standing.id] = standing
        if other.outputs != standing.outputs:
            standing = replace(standing, outputs={**other.outputs, **standing.outputs})
            self._actions[standing.id] = standing
        added = [id_ for id_ in other.needs if id_ not in standing.needs]
        if added:
            self._added_needs.setdefault(standing.id, []).extend(added)

    def _order_with_added_needs(self) -> tuple[TargetId, ...]:
        """Give actions the needs of their other labels, but where the needed one is itself made from the action."""
        for id_, added in self._added_needs.items():
            for need in dict.fromkeys(added):
                if not self._is_below(id_, need):
                    action = self._actions[id_]
                    self._actions[id_] = replace(action, needs=(*action.needs, need))
        ids = list(self._actions)
        number = {id_: n for n, id_ in enumerate(ids)}
        before = [[number[b] for b in self._actions[id_].depends_on() if b in number] for id_ in ids]
        return tuple(ids[n] for n in numbered_order(before))

    def _is_below(self, id_: TargetId, consumer: TargetId) -> bool:
        seen, open_ends = {consumer}, [consumer]
        while open_ends:
            action = self._actions.get(open_ends.pop())
            fresh = [] if action is None else [b for b in action.depends_on() if b not in seen]
            seen.update(fresh)
            open_ends += fresh
        return id_ in seen


def _config(node: Node) -> Any:
    """What the task is given: hashed and unhashed arguments, with None where a path will stand."""
    target = node.target
    config = plain_value(target.spec.args)
    for fan_in in node.fan_ins:
        put(config, fan_in.path, [{"at": at, "path": None} for at in fan_in.at])
    for edge in node.inputs:
        put(config, edge.path, None)
    if target.spec.unhashed:
        _add_unhashed(config, target.spec.unhashed, (), target)
    return config


def _add_unhashed(config: dict[str, Any], unhashed: Mapping[str, Any], path: KeyPath, target: Target) -> None:
    for key, value in unhashed.items():
        here = config.get(key)
        if isinstance(here, dict) and isinstance(value, Mapping):
            _add_unhashed(here, value, (*path, key), target)
        elif key in config:
            name = ".".join(map(str, (*path, key)))
            raise InputError(
                f"`{name}` stands in `args` and in `unhashed`",
                code="unhashed-clash",
                location=target.place_of("unhashed", *path, key),
                hint="keep it in `args` if it can change the result, else in `unhashed`",
            )
        else:
            config[key] = plain_value(value)
