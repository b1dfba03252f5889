"""The order of a graph, each target after those it depends on, and the cycles that forbid one."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from traintrack.errors import InputError, raise_all
from traintrack.graph.target_graph import Edge, TargetGraph
from traintrack.label import Label

_SHOWN_EDGES = 20
_SHOWN_LABELS = 6


def topological_order(graph: TargetGraph) -> tuple[Label, ...]:
    """Return the labels, each after those it depends on; of those that are free, the smallest comes first.

    Kahn's algorithm over a heap of ranks: linear but for the sorting, and without recursion.

    Raises:
        InputError: targets depend on each other; one error per cycle, several as `InputErrors`.
    """
    labels = sorted(graph.nodes, key=lambda label: (label.package, label.name))
    rank = {label: number for number, label in enumerate(labels)}
    before = [sorted({rank[b] for b in graph.nodes[label].before()}) for label in labels]
    order = numbered_order(before)
    if len(order) < len(labels):
        stuck = set(range(len(labels))).difference(order)
        raise_all([_cycle_error(graph, [labels[n] for n in cycle]) for cycle in _cycles(before, stuck)])
    return tuple(labels[number] for number in order)


def numbered_order(before: Sequence[Iterable[int]]) -> list[int]:
    """Order the numbers 0…n-1, each after those in `before` of it, smallest first; what is in a cycle is left out."""
    after: list[list[int]] = [[] for _ in before]
    waiting = [0] * len(before)
    for number, earlier in enumerate(before):
        for one in earlier:
            after[one].append(number)
            waiting[number] += 1
    free = [number for number, count in enumerate(waiting) if not count]
    order: list[int] = []
    while free:
        number = heapq.heappop(free)
        order.append(number)
        for later in after[number]:
            waiting[later] -= 1
            if not waiting[later]:
                heapq.heappush(free, later)
    return order


def _cycles(before: Sequence[Sequence[int]], stuck: set[int]) -> list[list[int]]:
    """Find cycles that share no target, each from its smallest number on, along the dependencies.

    Everything stuck depends on something stuck, so a walk along the smallest such dependency ends in a
    cycle, or in what an earlier walk has seen.
    """
    found: list[list[int]] = []
    seen: set[int] = set()
    for start in sorted(stuck):
        walk: dict[int, int] = {}
        number = start
        while number not in walk and number not in seen:
            walk[number] = len(walk)
            number = next(b for b in before[number] if b in stuck)
        if number in walk:
            cycle = list(walk)[walk[number] :]
            least = cycle.index(min(cycle))
            found.append(cycle[least:] + cycle[:least])
        seen.update(walk)
    return found


def _cycle_error(graph: TargetGraph, cycle: list[Label]) -> InputError:
    edges = [_edge(graph, label, cycle[(n + 1) % len(cycle)]) for n, label in enumerate(cycle)]
    local = len({label.package for label in cycle}) == 1
    names = [f":{label.name}" if local else str(label) for label in (*cycle, cycle[0])]
    places = [f"{edge.place}: `{names[n]}` depends on `{names[n + 1]}`" for n, edge in enumerate(edges)]
    if len(places) > _SHOWN_EDGES:
        places = [*places[: _SHOWN_EDGES - 1], f"… {len(places) - _SHOWN_EDGES} more …", places[-1]]
    return InputError(
        f"targets depend on each other: `{_shown(names)}`",
        code="cycle",
        location=edges[-1].place,
        hint="remove one of these references, so that one of the targets comes first",
        details=places,
    )


def _edge(graph: TargetGraph, consumer: Label, producer: Label) -> Edge:
    return next(edge for edge in graph.nodes[consumer].edges() if edge.producer == producer)


def _shown(names: list[str]) -> str:
    if len(names) > _SHOWN_LABELS + 1:
        left_out = len(names) - _SHOWN_LABELS
        names = [*names[: _SHOWN_LABELS - 2], f"… {left_out} more …", *names[-2:]]
    return " → ".join(names)
