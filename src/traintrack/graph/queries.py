"""Questions to a graph: what a target is made from, and what is made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from traintrack.graph.target_graph import TargetGraph
from traintrack.label import Label


def dependencies(graph: TargetGraph, labels: Iterable[Label]) -> frozenset[Label]:
    """The labels themselves and everything that they depend on, through arguments and `needs`."""
    return _closure(labels, {label: node.before() for label, node in graph.nodes.items()})


def dependents(graph: TargetGraph, labels: Iterable[Label]) -> frozenset[Label]:
    """The labels themselves and everything in the graph that depends on them."""
    return _closure(labels, _consumers({label: node.before() for label, node in graph.nodes.items()}))


def some_path(graph: TargetGraph, consumer: Label, producer: Label) -> tuple[Label, ...]:
    """One shortest way from a target down to one that it depends on, both included; empty if there is none."""
    came_from: dict[Label, Label | None] = {consumer: None}
    level = [consumer]
    while level and producer not in came_from:
        following: list[Label] = []
        for label in level:
            for before in sorted(graph.nodes[label].before() if label in graph.nodes else []):
                if before not in came_from:
                    came_from[before] = label
                    following.append(before)
        level = following
    path: list[Label] = []
    step: Label | None = producer if producer in came_from else None
    while step is not None:
        path.append(step)
        step = came_from[step]
    return tuple(reversed(path))


def _consumers(before: Mapping[Label, Iterable[Label]]) -> dict[Label, list[Label]]:
    """Turn "depends on" around: map each label to those that depend on it, in the order of `before`."""
    after: dict[Label, list[Label]] = {label: [] for label in before}
    for label, earlier in before.items():
        for one in dict.fromkeys(earlier):
            after[one].append(label)
    return after


def _closure(labels: Iterable[Label], following: Mapping[Label, Iterable[Label]]) -> frozenset[Label]:
    found = set(labels)
    open_ends = list(found)
    while open_ends:
        for label in following.get(open_ends.pop(), ()):
            if label not in found:
                found.add(label)
                open_ends.append(label)
    return frozenset(found)
