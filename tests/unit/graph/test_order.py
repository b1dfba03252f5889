from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from in_memory import MemoryCatalog, experiment

from traintrack.errors import InputError, InputErrors
from traintrack.graph.build import build_graph
from traintrack.graph.order import topological_order
from traintrack.graph.target_graph import Edge, Node, TargetGraph
from traintrack.label import Label


def graph_of(before: dict[str, list[str]], package: str = "x") -> TargetGraph:
    targets: dict[str, Any] = {
        name: {"args": {"in": [f":{other}" for other in earlier]}} for name, earlier in before.items()
    }
    catalog = MemoryCatalog(experiment(package, targets))
    return build_graph(catalog, catalog.all_labels())


def names(graph: TargetGraph) -> list[str]:
    return [label.name for label in topological_order(graph)]


def test_each_target_comes_after_those_it_depends_on_and_free_ones_by_name() -> None:
    graph = graph_of({"d": ["b", "c"], "c": ["a"], "b": ["a"], "a": [], "z": [], "e": []})

    assert names(graph) == ["a", "b", "c", "d", "e", "z"]


def test_the_order_does_not_depend_on_that_of_the_file() -> None:
    before = {"d": ["b", "c"], "c": ["a"], "b": [], "a": []}

    assert names(graph_of(before)) == names(graph_of(dict(reversed(before.items()))))


def test_needs_order_as_arguments_do() -> None:
    catalog = MemoryCatalog(experiment("x", {"a": {"needs": [":b"]}, "b": {}}))

    assert names(build_graph(catalog, catalog.all_labels())) == ["b", "a"]


def test_a_cycle_is_shown_as_a_path_with_the_place_of_each_edge() -> None:
    graph = graph_of({"b": ["a"], "a": ["b"], "c": ["a"], "free": []})

    with pytest.raises(InputError) as caught:
        topological_order(graph)

    error = caught.value
    assert error.code == "cycle"
    assert error.message == "targets depend on each other: `:a → :b → :a`"
    assert error.details == (
        "x/TTCONFIG.yaml:9:11: `:a` depends on `:b`",
        "x/TTCONFIG.yaml:5:11: `:b` depends on `:a`",
    )
    assert str(error.location) == "x/TTCONFIG.yaml:5:11"
    assert error.hint


def test_a_cycle_across_experiments_is_shown_with_full_labels() -> None:
    catalog = MemoryCatalog(
        experiment("a", {"t": {"args": {"x": "//b:t"}}}), experiment("b", {"t": {"args": {"x": "//a:t"}}})
    )

    with pytest.raises(InputError) as caught:
        topological_order(build_graph(catalog, catalog.all_labels()))

    assert caught.value.message == "targets depend on each other: `//a:t → //b:t → //a:t`"


def test_a_target_that_depends_on_itself_is_a_cycle() -> None:
    with pytest.raises(InputError) as caught:
        topological_order(graph_of({"a": ["a"]}))

    assert caught.value.message == "targets depend on each other: `:a → :a`"


def test_separate_cycles_are_all_told() -> None:
    with pytest.raises(InputErrors) as caught:
        topological_order(graph_of({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"], "e": ["a", "c"]}))

    assert [e.message for e in caught.value.errors] == [
        "targets depend on each other: `:a → :b → :a`",
        "targets depend on each other: `:c → :d → :c`",
    ]


def test_a_long_cycle_is_shortened_in_the_message_and_in_the_details() -> None:
    graph = graph_of({f"t{n:04}": [f"t{(n + 1) % 500:04}"] for n in range(500)})

    with pytest.raises(InputError) as caught:
        topological_order(graph)

    message = "targets depend on each other: `:t0000 → :t0001 → :t0002 → :t0003 → … 495 more … → :t0499 → :t0000`"
    assert caught.value.message == message
    assert len(caught.value.details) == 21


@given(st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4), max_size=13))
def test_every_graph_has_an_order_or_a_cycle(before: dict[int, list[int]]) -> None:
    graph = graph_of({f"t{n}": [f"t{b}" for b in earlier if b in before] for n, earlier in before.items()})

    try:
        order = topological_order(graph)
    except InputError as error:
        flat = error.errors if isinstance(error, InputErrors) else (error,)
        for one in flat:
            path = one.message.split("`")[1].split(" → ")
            assert path[0] == path[-1]
        return
    position = {label: n for n, label in enumerate(order)}
    assert set(position) == set(graph.nodes)
    assert all(position[b] < position[label] for label, node in graph.nodes.items() for b in node.before())


def test_a_chain_of_a_hundred_thousand_is_ordered_without_recursion() -> None:
    home = experiment("a", {"t": {}})
    target = home.targets["t"]
    labels = [Label("a", f"t{n}") for n in range(100_000)]
    nodes = {label: Node(target, home, (Edge(target, "args", ("x",), before),)) for label, before in pairwise(labels)}
    nodes[labels[-1]] = Node(target, home)

    order = topological_order(TargetGraph(nodes, (labels[0],)))

    assert order == tuple(reversed(labels))
