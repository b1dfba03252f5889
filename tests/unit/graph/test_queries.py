from in_memory import MemoryCatalog, experiment

from traintrack.graph.build import build_graph
from traintrack.graph.queries import dependencies, dependents, some_path
from traintrack.graph.target_graph import TargetGraph
from traintrack.label import Label


def diamond() -> TargetGraph:
    targets = {
        "top": {"args": {"x": ":left", "y": ":right"}},
        "left": {"args": {"x": ":base"}},
        "right": {"needs": [":base"]},
        "base": {},
        "apart": {},
    }
    catalog = MemoryCatalog(experiment("a", targets))
    return build_graph(catalog, catalog.all_labels())


def labels(*names: str) -> frozenset[Label]:
    return frozenset(Label("a", name) for name in names)


def test_dependencies_are_the_labels_and_all_below_them_through_needs_too() -> None:
    assert dependencies(diamond(), labels("top")) == labels("top", "left", "right", "base")
    assert dependencies(diamond(), labels("base", "apart")) == labels("base", "apart")


def test_dependents_are_the_labels_and_all_above_them() -> None:
    assert dependents(diamond(), labels("base")) == labels("base", "left", "right", "top")
    assert dependents(diamond(), labels("left")) == labels("left", "top")


def test_some_path_is_a_shortest_way_down() -> None:
    path = some_path(diamond(), Label("a", "top"), Label("a", "base"))

    assert [label.name for label in path] == ["top", "left", "base"]


def test_some_path_is_empty_where_there_is_no_way() -> None:
    assert some_path(diamond(), Label("a", "base"), Label("a", "top")) == ()
