import pytest
from in_memory import MemoryCatalog, experiment

from traintrack.errors import InputError, InputErrors, Location
from traintrack.graph.build import build_graph
from traintrack.graph.target_graph import LeafKind
from traintrack.label import Label
from traintrack.workspace.model import Frozen, Lock

TRAIN = Label("a", "train")


def test_a_graph_holds_what_the_request_reaches_across_experiments_and_nothing_else() -> None:
    catalog = MemoryCatalog(
        experiment("a", {"train": {"args": {"data": "//b:data"}}, "other": {"args": {"x": "//c:x"}}}),
        experiment("b", {"data": {}, "unused": {}}),
        experiment("c", {"x": {}}),
    )

    graph = build_graph(catalog, [TRAIN])

    assert set(graph.nodes) == {TRAIN, Label("b", "data")}
    assert catalog.read == ["a", "b"]


def test_an_edge_knows_its_argument_path_part_and_place() -> None:
    catalog = MemoryCatalog(experiment("a", {"train": {"args": {"x": {"y": [":data/part/1.bin"]}}}, "data": {}}))

    (edge,) = build_graph(catalog, [TRAIN]).nodes[TRAIN].inputs

    assert edge.path == ("x", "y", 0)
    assert edge.producer == Label("a", "data")
    assert edge.subpath == "part/1.bin"
    assert edge.place == Location("a/TTCONFIG.yaml", 6, 13)


def test_a_named_output_is_the_path_that_its_producer_declares() -> None:
    catalog = MemoryCatalog(
        experiment(
            "a", {"train": {"args": {"m": ":export#model"}}, "export": {"outputs": {"model": "out/model.onnx/"}}}
        )
    )

    (edge,) = build_graph(catalog, [TRAIN]).nodes[TRAIN].inputs

    assert edge.subpath == "out/model.onnx"


def test_an_unknown_output_names_the_one_that_was_meant() -> None:
    catalog = MemoryCatalog(
        experiment("a", {"train": {"args": {"m": ":export#modle"}}, "export": {"outputs": {"model": "model.onnx"}}})
    )

    with pytest.raises(InputError) as caught:
        build_graph(catalog, [TRAIN])

    assert caught.value.code == "unknown-output"
    assert caught.value.hint == "did you mean `#model`?"


def test_an_unknown_target_points_at_the_reference_and_names_the_one_that_was_meant() -> None:
    catalog = MemoryCatalog(
        experiment("a", {"train": {"args": {"m": ":exportd_model"}}, "exported_model": {}}),
    )

    with pytest.raises(InputError) as caught:
        build_graph(catalog, [TRAIN])

    assert str(caught.value) == "a/TTCONFIG.yaml:4:9: no target `exportd_model` in `//a` [unknown-target]"
    assert caught.value.hint == "did you mean `:exported_model`?"


def test_an_unknown_experiment_names_the_one_that_was_meant() -> None:
    catalog = MemoryCatalog(experiment("a", {"train": {"args": {"m": "//runs/marhc:x"}}}), experiment("runs/march", {}))

    with pytest.raises(InputError) as caught:
        build_graph(catalog, [TRAIN])

    assert caught.value.code == "unknown-package"
    assert caught.value.hint == "did you mean `//runs/march`?"


def test_a_moved_experiment_is_found_by_its_own_name() -> None:
    catalog = MemoryCatalog(
        experiment("a", {"train": {"args": {"m": "//old/place/of/march:x"}}}), experiment("runs/march", {"x": {}})
    )

    with pytest.raises(InputError) as caught:
        build_graph(catalog, [TRAIN])

    assert caught.value.hint == "did you mean `//runs/march`?"


def test_all_errors_of_the_graph_come_out_at_once() -> None:
    broken = InputError("a tab", code="yaml", location=Location("c/TTCONFIG.yaml", 1), hint="remove it")
    catalog = MemoryCatalog(
        experiment("a", {"train": {"args": {"p": ":x", "q": ":x", "r": "//nope:y", "s": "//b:data", "t": ":a b"}}}),
        experiment("b", {"data": {"args": {"u": "//c:z", "v": "//nope:w"}}}),
        broken={"c": broken},
    )

    with pytest.raises(InputErrors) as caught:
        build_graph(catalog, [TRAIN, Label("a", "gone")])

    assert sorted(e.code for e in caught.value.errors) == [
        "bad-reference",
        "unknown-package",
        "unknown-package",
        "unknown-target",
        "unknown-target",
        "unknown-target",
        "yaml",
    ]


def test_a_frozen_target_is_a_leaf_and_nothing_below_it_is_read() -> None:
    lock = Lock(frozen={"model": Frozen("ab" * 32)})
    catalog = MemoryCatalog(
        experiment("a", {"train": {"args": {"m": "//b:model#w"}}}),
        experiment("b", {"model": {"args": {"d": "//gone:x"}, "outputs": {"w": "w.bin"}}}, lock=lock),
    )

    graph = build_graph(catalog, [TRAIN])

    (edge,) = graph.nodes[TRAIN].inputs
    assert edge.producer is None
    assert edge.leaf is not None
    assert (edge.leaf.kind, edge.leaf.name, edge.leaf.pin) == (LeafKind.FROZEN, "//b:model", Frozen("ab" * 32))
    assert edge.subpath == "w.bin"
    assert set(graph.nodes) == {TRAIN}


def test_a_frozen_target_needs_no_declaration_any_more() -> None:
    catalog = MemoryCatalog(experiment("a", {}, lock=Lock(frozen={"old": Frozen("ab" * 32)})))

    graph = build_graph(catalog, [Label("a", "old")])

    assert graph.frozen[Label("a", "old")].pin == Frozen("ab" * 32)
    assert not graph.nodes


def test_revisions_and_aliases_are_pinned_by_the_lock_of_the_consumer() -> None:
    lock = Lock(refs={"@main//b:t": Frozen("11" * 32), "@lp_ocr:production": Frozen("22" * 32)})
    args = {"x": "@main//b:t/part", "y": "@lp_ocr:production", "z": "@lp_ocr:candidate"}
    catalog = MemoryCatalog(experiment("a", {"train": {"args": args}}, lock=lock))

    edges = build_graph(catalog, [TRAIN]).nodes[TRAIN].inputs

    leaves = [edge.leaf for edge in edges if edge.leaf is not None]
    assert [leaf.pin for leaf in leaves] == [Frozen("11" * 32), Frozen("22" * 32), None]
    assert [leaf.kind for leaf in leaves] == [LeafKind.REVISION, LeafKind.ALIAS, LeafKind.ALIAS]
    assert edges[0].subpath == "part"


def test_a_reference_is_pinned_in_its_short_and_in_its_full_spelling() -> None:
    for written in ("@main//b", "@main//b:b"):
        lock = Lock(refs={written: Frozen("11" * 32)})
        catalog = MemoryCatalog(experiment("a", {"train": {"args": {"x": "@main//b"}}}, lock=lock))

        (edge,) = build_graph(catalog, [TRAIN]).nodes[TRAIN].inputs

        assert edge.leaf is not None
        assert edge.leaf.pin == Frozen("11" * 32)


def test_a_requested_member_of_what_is_no_family_is_unknown() -> None:
    with pytest.raises(InputError) as caught:
        build_graph(MemoryCatalog(experiment("a", {"train": {}})), [Label("a", "train@lr=0.1")])

    assert caught.value.code == "unknown-target"


def test_a_chain_of_many_thousands_needs_no_recursion() -> None:
    targets = {f"t{n}": {"args": {"x": f":t{n + 1}"}} for n in range(3_000)} | {"t3000": {}}
    catalog = MemoryCatalog(experiment("a", targets))

    assert len(build_graph(catalog, [Label("a", "t0")]).nodes) == 3_001
