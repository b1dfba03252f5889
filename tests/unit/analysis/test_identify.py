import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from in_memory import COMMIT, DIGEST, OTHER_COMMIT, TREE, MemoryCatalog, MemoryGit, experiment, git, image, workspace

from traintrack.action.action import Action, ActionGraph, Deliver, Resources, Retries, Secret
from traintrack.action.parallel import Parallel
from traintrack.analysis.identify import analyze
from traintrack.digest import target_id
from traintrack.errors import InputError, InputErrors
from traintrack.graph.build import build_graph
from traintrack.label import Label
from traintrack.workspace.model import Experiment, Frozen, Literal, Lock, SourcePin


def analyzed(*experiments: Experiment, source: MemoryGit | None = None, **images: Any) -> ActionGraph:
    catalog = MemoryCatalog(*experiments)
    labels = catalog.all_labels() or [Label(e.package, name) for e in experiments for name in e.lock.frozen]
    return analyze(build_graph(catalog, labels), workspace(**images), source or git())


def action(fields: Mapping[str, Any], *, source: MemoryGit | None = None, lock: Lock | None = None) -> Action:
    graph = analyzed(experiment("a", {"t": fields}, lock=lock), source=source)
    return graph.actions[graph.labels["//a:t"]]


def errors_of(fields: Mapping[str, Any], *, source: MemoryGit | None = None, lock: Lock | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        action(fields, source=source, lock=lock)
    flat = caught.value.errors if isinstance(caught.value, InputErrors) else (caught.value,)
    assert all(e.hint for e in flat)
    assert all(e.location for e in flat)
    return [e.code for e in flat]


def test_the_pre_image_is_the_recipe_and_its_digest_the_id() -> None:
    made = action({"args": {"lr": 1e-5, "$k": Literal(":x")}, "env": {"A": "1"}, "secrets": {"S": None}})

    assert made.recipe == {
        "format": "traintrack/target/1",
        "task": "t",
        "entrypoint": None,
        "platform": "linux/amd64",
        "image": {"digest": DIGEST},
        "code": {"src": TREE},
        "env": {"A": "1"},
        "secrets": ["S"],
        "cache_version": 0,
        "args": {"lr": 1e-5, "$$k": ":x"},
    }
    assert made.id == target_id(made.preimage)


def test_an_input_enters_by_its_id_and_its_part_and_leaves_a_gap_in_the_configuration() -> None:
    graph = analyzed(experiment("a", {"t": {"args": {"d": {"x": [":b/part", 1]}, "lr": 0.1}}, "b": {}}))

    below, made = graph.actions[graph.labels["//a:b"]], graph.actions[graph.labels["//a:t"]]
    assert made.recipe["args"] == {"d": {"x": [{"$artifact": below.id, "path": "part"}, 1]}, "lr": 0.1}
    assert made.config == {"d": {"x": [None, 1]}, "lr": 0.1}
    assert [(i.id, i.arg_path, i.subpath) for i in made.inputs] == [(below.id, ("d", "x", 0), "part")]
    assert graph.order == (below.id, made.id)


def test_a_change_below_changes_every_id_above() -> None:
    def top(epochs: int) -> str:
        targets = {"t": {"args": {"x": ":m"}}, "m": {"args": {"x": ":b"}}, "b": {"args": {"epochs": epochs}}}
        return analyzed(experiment("a", targets)).labels["//a:t"]

    assert top(1) != top(2)
    assert top(1) == top(1)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "other"},
        {"image": {"ref": "r@sha256:" + "00" * 32}},
        {"image": {"ref": "r@" + DIGEST, "entrypoint": ["x"]}},
        {"image": {"ref": "r@" + DIGEST, "platform": "linux/arm64"}},
        {"paths": ["src", "lib"]},
        {"paths": ["lib"]},
        {"code": "baked"},
        {"args": {"a": 1.0}},
        {"args": {"a": True}},
        {"args": {"a": "1"}},
        {"args": {"a": 1, "b": None}},
        {"env": {"A": ""}},
        {"secrets": {"S": None}},
        {"cache_version": 1},
    ],
)
def test_what_decides_a_result_is_in_the_id(change: dict[str, Any]) -> None:
    source = git(lib=TREE)
    base = {"task": "x", "args": {"a": 1}}

    assert action(base, source=source).id != action({**base, **change}, source=source).id


@pytest.mark.parametrize(
    "change",
    [
        {"unhashed": {"workers": 8}},
        {"resources": {"cpu": 4, "gpu": 1}},
        {"retries": 3},
        {"max_parallel": 3},
        {"timeout": "2h"},
        {"network": True},
        {"outputs": {"m": "m.bin"}},
        {"needs": [":n"]},
        {"description": "text"},
        {"tags": ["x"]},
        {"image": {"ref": "elsewhere/name:tag@" + DIGEST}},
    ],
)
def test_what_cannot_change_a_result_is_not_in_the_id(change: dict[str, Any]) -> None:
    def id_of(fields: dict[str, Any]) -> str:
        return analyzed(experiment("a", {"t": {"args": {"a": 1}, **fields}, "n": {}})).labels["//a:t"]

    assert id_of({}) == id_of(change)


def test_neither_label_nor_experiment_nor_commit_is_in_the_id() -> None:
    source = git()
    source.commits += (OTHER_COMMIT,)
    source.objects[OTHER_COMMIT, "src"] = TREE
    fields = {"task": "x", "args": {"a": 1}}

    graph = analyzed(
        experiment("a", {"t": fields}), experiment("b", {"u": {**fields, "commit": OTHER_COMMIT}}), source=source
    )

    assert len(graph.actions) == 1
    assert graph.labels["//a:t"] == graph.labels["//b:u"]
    assert graph.actions[graph.order[0]].label == "//a:t"


def test_the_id_does_not_depend_on_the_order_of_keys() -> None:
    args = {"b": 1, "a": {"y": 2, "x": ":m"}}
    turned = {"a": {"x": ":m", "y": 2}, "b": 1}

    def id_of(value: dict[str, Any]) -> str:
        return analyzed(experiment("a", {"t": {"args": value}, "m": {}})).labels["//a:t"]

    assert id_of(args) == id_of(turned)


def test_the_terms_of_a_target_reach_its_action() -> None:
    made = action(
        {
            "unhashed": {"workers": 2, "io": {"buffer": 1}},
            "args": {"io": {"mode": "r"}},
            "resources": {"cpu": 4, "gpu": 1, "gpu_type": "a10g", "memory": "16GiB", "disk": "1GB", "shm": "64MiB"},
            "retries": {"task": 1, "out_of_memory": 2},
            "timeout": "1h30m",
            "network": True,
            "outputs": {"m": "m.bin"},
            "secrets": {"B": {"file": "b_file"}, "A": {"env": "A_VAR"}},
            "description": "what it does",
        }
    )

    assert made.config == {"workers": 2, "io": {"buffer": 1, "mode": "r"}}
    assert made.recipe["args"] == {"io": {"mode": "r"}}
    assert made.resources == Resources(4.0, 16 * 2**30, 1, "a10g", 10**9, 64 * 2**20)
    assert made.retries == Retries(task=1, out_of_memory=2)
    assert made.timeout_s == 5400.0
    assert made.network
    assert made.outputs == {"m": "m.bin"}
    assert made.secrets == (Secret("A", "A_VAR"), Secret("B", "b_file", as_file=True))
    assert made.provenance.workspace == "plates"
    assert made.provenance.place == "a/TTCONFIG.yaml:2"
    assert made.provenance.commit == COMMIT
    assert made.provenance.description == "what it does"


def test_a_bound_on_a_family_counts_all_labels_that_are_the_same_up_to_the_member() -> None:
    graph = analyzed(experiment("a", {"t@lr=0.1": {"max_parallel": 2}, "t@lr=0.2": {"max_parallel": 3}, "u": {}}))

    found = {label: graph.actions[id_].parallel for label, id_ in graph.labels.items()}
    assert found == {"//a:t@lr=0.1": Parallel("//a:t", 2), "//a:t@lr=0.2": Parallel("//a:t", 3), "//a:u": None}


def test_the_smaller_bound_holds_for_labels_of_one_recipe() -> None:
    same = {"task": "train", "args": {"lr": 0.1}}
    targets = {"one": same, "two": {**same, "max_parallel": 5}, "three": {**same, "max_parallel": 2}}

    (made,) = analyzed(experiment("a", targets)).actions.values()
    assert made.parallel == Parallel("//a:three", 2)


def test_needs_are_ids_that_must_succeed_first_and_stand_outside_of_the_recipe() -> None:
    graph = analyzed(experiment("a", {"t": {"needs": [":n"]}, "n": {}}))

    made = graph.actions[graph.labels["//a:t"]]
    assert made.needs == (graph.labels["//a:n"],)
    assert made.inputs == ()
    assert graph.order == (graph.labels["//a:n"], made.id)


def test_a_source_has_nothing_to_succeed_and_is_no_need() -> None:
    lock = Lock(sources={"data/x": SourcePin(content="7a" * 32)})
    graph = analyzed(experiment("a", {"t": {"needs": [":d"]}, "d": {"source": "data/x"}}, lock=lock))

    assert graph.actions[graph.labels["//a:t"]].needs == ()


def test_labels_of_one_recipe_add_their_needs_and_outputs() -> None:
    fields = {"task": "x"}
    graph = analyzed(
        experiment("a", {"t": {**fields, "outputs": {"m": "m.bin"}}}),
        experiment("b", {"n": {}, "u": {**fields, "needs": [":n"], "outputs": {"k": "k.bin"}}}),
    )

    made = graph.actions[graph.labels["//a:t"]]
    assert made.label == "//a:t"
    assert made.needs == (graph.labels["//b:n"],)
    assert made.outputs == {"m": "m.bin", "k": "k.bin"}
    assert graph.order == (graph.labels["//b:n"], made.id)


def test_a_need_of_a_second_label_that_is_made_from_the_action_itself_adds_no_cycle() -> None:
    graph = analyzed(
        experiment("a", {"t": {"task": "x"}, "above": {"args": {"x": ":t"}}}),
        experiment("b", {"u": {"task": "x", "needs": ["//a:above"]}}),
    )

    assert graph.actions[graph.labels["//a:t"]].needs == ()
    assert graph.order == (graph.labels["//a:t"], graph.labels["//a:above"])


def test_a_frozen_target_is_a_leaf_whose_id_is_read() -> None:
    lock = Lock(frozen={"m": Frozen("ab" * 32, "cd" * 32)})
    graph = analyzed(
        experiment("a", {"t": {"args": {"x": "//b:m/w"}, "needs": ["//b:m"]}}), experiment("b", {}, lock=lock)
    )

    made = graph.actions[graph.labels["//a:t"]]
    assert made.recipe["args"] == {"x": {"$artifact": "ab" * 32, "path": "w"}}
    assert made.needs == ()
    assert graph.leaves == {"ab" * 32: "cd" * 32}
    assert set(graph.actions) == {made.id}


def test_a_frozen_target_gives_its_consumers_the_id_that_it_had_when_it_was_computed() -> None:
    targets = {"t": {"args": {"x": ":m"}}, "m": {}}
    computed = analyzed(experiment("a", targets))
    lock = Lock(frozen={"m": Frozen(computed.labels["//a:m"])})

    frozen = analyzed(experiment("a", targets, lock=lock))

    assert frozen.labels["//a:t"] == computed.labels["//a:t"]


def test_a_requested_frozen_target_is_answered_with_its_id() -> None:
    graph = analyzed(experiment("b", {}, lock=Lock(frozen={"m": Frozen("ab" * 32)})))

    assert graph.labels == {"//b:m": "ab" * 32}
    assert graph.requested == ("ab" * 32,)
    assert graph.order == ()


def test_aliases_and_revisions_enter_by_the_id_that_is_locked() -> None:
    lock = Lock(refs={"@lp:production": Frozen("11" * 32, "22" * 32), "@main//b:t": Frozen("33" * 32)})
    made = action({"args": {"x": "@lp:production/w", "y": "@main//b:t"}}, lock=lock)

    assert made.recipe["args"] == {"x": {"$artifact": "11" * 32, "path": "w"}, "y": {"$artifact": "33" * 32}}


def test_a_source_by_content_is_a_leaf_with_the_artifact_that_it_is() -> None:
    lock = Lock(sources={"data/plates": SourcePin(content="7a" * 32)})
    graph = analyzed(experiment("a", {"t": {"args": {"d": ":d"}}, "d": {"source": "data/plates"}}, lock=lock))

    data = graph.sources[graph.labels["//a:d"]]
    assert json.loads(data.preimage) == {"format": "traintrack/source/1", "content": "7a" * 32}
    assert graph.leaves[data.id] == "7a" * 32
    assert data.imported
    assert graph.order == (graph.labels["//a:t"],)


def test_a_source_by_listing_keeps_its_uri_in_the_id_and_stays_where_it_is() -> None:
    uri = "s3://bucket/plates/"
    lock = Lock(sources={uri: SourcePin(listing="8b" * 32)})
    graph = analyzed(experiment("a", {"d": {"source": uri, "deliver": "uri"}, "t": {"args": {"d": ":d"}}}, lock=lock))

    data = graph.sources[graph.labels["//a:d"]]
    assert json.loads(data.preimage) == {"format": "traintrack/source/1", "listing": "8b" * 32, "uri": uri}
    assert not data.imported
    assert graph.leaves[data.id] == ""
    assert graph.actions[graph.labels["//a:t"]].inputs[0].deliver is Deliver.URI


def test_the_uri_of_a_source_by_content_counts_only_if_the_task_sees_it() -> None:
    def preimage(**fields: Any) -> dict[str, Any]:
        lock = Lock(sources={"s3://b/x": SourcePin(content="7a" * 32)})
        graph = analyzed(
            experiment("a", {"d": {"source": "s3://b/x", "pin": "content", **fields}}, lock=lock),
        )
        found: dict[str, Any] = json.loads(graph.sources[graph.labels["//a:d"]].preimage)
        return found

    assert "uri" not in preimage()
    assert "uri" not in preimage(deliver="mount")
    assert preimage(deliver="uri")["uri"] == "s3://b/x"


def test_the_consumer_says_how_its_inputs_are_delivered_argument_by_argument() -> None:
    targets = {"t": {"args": {"x": {"y": ":m"}, "z": ":m"}, "deliver": {"x.y": "mount"}}, "m": {}}
    graph = analyzed(experiment("a", targets))

    inputs = graph.actions[graph.labels["//a:t"]].inputs
    assert [i.deliver for i in inputs] == [Deliver.MOUNT, Deliver.COPY]


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"image": "trianer"}, ["unknown-image"]),
        ({"image": None}, ["missing-image"]),
        ({"image": {"ref": "r:1"}}, ["missing-pin"]),
        ({"commit": None}, ["missing-commit"]),
        ({"commit": "main"}, ["bad-commit"]),
        ({"commit": OTHER_COMMIT}, ["unknown-commit"]),
        ({"commit": "HEAD", "paths": None}, ["missing-paths"]),
        ({"paths": ["gone"]}, ["missing-path"]),
        ({"paths": ["../x"]}, ["bad-path"]),
        ({"image": "nope", "paths": ["gone"], "args": {"x": "@lp:production"}}, None),
        ({"resources": {"memory": "16XB"}}, ["bad-quantity"]),
        ({"resources": {"nodes": 2}}, ["unsupported"]),
        ({"timeout": "soon"}, ["bad-quantity"]),
        ({"secrets": {"A": {"vault": "x"}}}, ["bad-secret"]),
        ({"args": {"a": 1}, "unhashed": {"a": 2}}, ["unhashed-clash"]),
        ({"args": {"x": "@main//b:t"}}, ["missing-pin"]),
        ({"args": {"x": "\ud800"}}, ["not-canonical"]),
        ({"source": "data/x"}, ["missing-pin"]),
        ({"source": "s3://b/x"}, ["missing-pin"]),
    ],
)
def test_what_is_wrong_is_told_with_place_and_hint(fields: dict[str, Any], codes: list[str] | None) -> None:
    found = errors_of(fields)

    assert sorted(found) == (codes or ["missing-path", "missing-pin", "unknown-image"])


def test_errors_of_several_targets_come_out_at_once_and_their_consumers_are_silent() -> None:
    targets = {
        "t": {"args": {"x": ":b"}},
        "b": {"image": "nope"},
        "c": {"paths": ["gone"]},
        "d": {"args": {"x": ":c"}, "timeout": "soon"},
    }

    with pytest.raises(InputErrors) as caught:
        analyzed(experiment("a", targets))

    assert sorted(e.code for e in caught.value.errors) == ["missing-path", "unknown-image"]


def test_a_source_pinned_by_listing_does_not_answer_for_content() -> None:
    lock = Lock(sources={"s3://b/x": SourcePin(listing="8b" * 32)})

    assert errors_of({"source": "s3://b/x", "pin": "content"}, lock=lock) == ["missing-pin"]


def test_the_lock_answers_for_a_commit_that_is_gone() -> None:
    lock = Lock(trees={OTHER_COMMIT: {"src": TREE}})
    gone = action({"task": "x", "commit": OTHER_COMMIT}, lock=lock)

    assert gone.id == action({"task": "x"}).id


def test_git_is_asked_once_for_a_path_of_a_commit() -> None:
    source = git()

    analyzed(experiment("a", {f"t{n}": {"args": {"n": n}} for n in range(20)}), source=source)

    assert source.asked == [(COMMIT, "src")]


def test_the_hash_seed_of_python_does_not_matter() -> None:
    program = Path(__file__).with_name("print_ids.py")
    graph_tests = str(program.parent.parent / "graph")
    outputs = {
        subprocess.run(
            [sys.executable, str(program)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": graph_tests},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1", "2")
    }

    assert len(outputs) == 1
    assert outputs.pop().count(b"\n") == 6


def test_a_long_chain_is_identified_without_recursion() -> None:
    targets = {f"t{n}": {"args": {"x": f":t{n + 1}"}} for n in range(5_000)} | {"t5000": {}}

    assert len(analyzed(experiment("a", targets)).order) == 5_001


def test_an_image_of_the_experiment_hides_that_of_the_workspace() -> None:
    own = image("trainer", ref="own@sha256:" + "00" * 32)
    graph = analyzed(experiment("a", {"t": {}}, images={"trainer": own}))

    assert graph.actions[graph.order[0]].recipe["image"] == {"digest": "sha256:" + "00" * 32}
