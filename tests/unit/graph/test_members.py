"""Which members a reference means, and which a pattern of the command line selects."""

from pathlib import Path

import pytest
from family_workspace import FamilyWorkspace

from traintrack.errors import NotFoundError, UsageError
from traintrack.graph.select import select

TEXT = """\
targets:
  train: {each: {lr: [0.1, 1e-4], model: {s: {d: 1}, l: {d: 2}}}, args: {lr: "${lr}", m: "${model}"}, outputs: {w: sub/w.bin}}
  eval: {each: ":train", args: {model: ":train@."}}
  whole: {each: {lr: [0.0001], model: {l: {}, s: {}}, seed: [1, 2]}, args: {m: ":train@.", s: "${seed}", l: "${lr}", o: "${model}"}}
  half: {each: {model: {s: {}, l: {}}}, args: {ms: ":train@.,*", one: ":train@.,lr=1e-4", m: "${model}"}}
  mean: {args: {all: ":eval@*", some: ":eval@lr=1e-4,*", one: ":eval@lr=0.1,model=s/x/y", out: ":train@lr=0.1,model=s#w"}}
  after: {needs: [":train@model=s,*", ":eval@lr=0.1,model=l"]}
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINTRACK_NO_CACHE", "1")


@pytest.fixture
def workspace(tmp_path: Path) -> FamilyWorkspace:
    return FamilyWorkspace(tmp_path, TEXT)


def inputs(workspace: FamilyWorkspace, name: str) -> dict[str, tuple[str, str | None]]:
    """The producers of a target's arguments, by the dotted path, each with its sub-path."""
    nodes = workspace.graph(f":{name}").nodes
    (node,) = (node for label, node in nodes.items() if label.name == name)
    return {
        ".".join(map(str, edge.path)): (edge.producer.name if edge.producer else "", edge.subpath)
        for edge in node.inputs
    }


def test_a_dot_means_the_member_at_the_same_coordinates(workspace: FamilyWorkspace) -> None:
    assert inputs(workspace, "eval@lr=0.0001,model=s") == {"model": ("train@lr=0.0001,model=s", None)}


def test_axes_are_shared_by_name_whatever_their_order_and_those_of_its_own_do_not_matter(
    workspace: FamilyWorkspace,
) -> None:
    assert inputs(workspace, "whole@lr=0.0001,model=l,seed=2") == {"m": ("train@lr=0.0001,model=l", None)}


def test_where_axes_are_shared_in_part_the_rest_is_named_or_is_a_list(workspace: FamilyWorkspace) -> None:
    assert inputs(workspace, "half@model=l") == {
        "ms.0.path": ("train@lr=0.0001,model=l", None),
        "ms.1.path": ("train@lr=0.1,model=l", None),
        "one": ("train@lr=0.0001,model=l", None),
    }


def test_members_slices_sub_paths_and_named_outputs(workspace: FamilyWorkspace) -> None:
    found = inputs(workspace, "mean")

    assert [found[f"all.{i}.path"][0] for i in range(4)] == [
        *("eval@lr=0.0001,model=l", "eval@lr=0.0001,model=s", "eval@lr=0.1,model=l", "eval@lr=0.1,model=s")
    ]
    assert [found[f"some.{i}.path"][0] for i in range(2)] == ["eval@lr=0.0001,model=l", "eval@lr=0.0001,model=s"]
    assert found["one"] == ("eval@lr=0.1,model=s", "x/y")
    assert found["out"] == ("train@lr=0.1,model=s", "sub/w.bin")


def test_needs_may_name_members_and_parts_of_families(workspace: FamilyWorkspace) -> None:
    (node,) = (node for label, node in workspace.graph(":after").nodes.items() if label.name == "after")

    assert [edge.producer.name for edge in node.needs if edge.producer] == [
        *("train@lr=0.0001,model=s", "train@lr=0.1,model=s", "eval@lr=0.1,model=l")
    ]


def test_only_what_is_needed_is_reached(workspace: FamilyWorkspace) -> None:
    nodes = workspace.graph(":eval@lr=0.1,model=s").nodes

    assert {label.name for label in nodes} == {"eval@lr=0.1,model=s", "train@lr=0.1,model=s"}


def test_frozen_members_are_leaves_and_the_others_are_computed(tmp_path: Path) -> None:
    frozen = f'  "train@lr=0.1,model=s": {{id: {"ab" * 32}}}\n  "gone@x=1": {{id: {"cd" * 32}}}\n'
    lock = {"a/TTLOCK.yaml": f"format: traintrack.lock/1\nfrozen:\n{frozen}"}
    text = TEXT + '  old: {args: {m: ":gone@x=1", n: ":train@model=s,lr=1e-1"}}\n'
    graph = FamilyWorkspace(tmp_path, text, lock).graph(":eval", ":old")
    leaves = [edge.leaf.name for node in graph.nodes.values() for edge in node.inputs if edge.leaf]

    assert leaves == ["//a:train@lr=0.1,model=s", "//a:gone@x=1", "//a:train@lr=0.1,model=s"]
    assert "train@lr=0.1,model=s" not in {label.name for label in graph.nodes}


def selected(workspace: FamilyWorkspace, *patterns: str) -> list[str]:
    return [label.name for label in select(workspace.loader(), patterns, "a")]


def test_the_name_of_a_family_selects_all_and_coordinates_a_part(workspace: FamilyWorkspace) -> None:
    every = [f"train@lr={lr},model={model}" for lr in ("0.1", "0.0001") for model in "sl"]

    assert selected(workspace, ":train") == selected(workspace, ":train@*") == every
    assert selected(workspace, ":train@lr=1e-4,*") == selected(workspace, ":train@lr=0.0001") == every[2:]
    assert selected(workspace, ":train@model=s,lr=1e-1") == ["train@lr=0.1,model=s"]
    assert selected(workspace, "//a:*")[:4] == selected(workspace, "//...")[:4] == every


def test_an_exclusion_takes_members_away_by_their_coordinates(workspace: FamilyWorkspace) -> None:
    assert selected(workspace, ":train", "-:train@lr=0.10") == ["train@lr=0.0001,model=s", "train@lr=0.0001,model=l"]
    assert selected(workspace, ":train", "-:train@lr=1e-4,*", "-:train@model=l") == ["train@lr=0.1,model=s"]
    assert selected(workspace, ":train", ":mean", "-:train") == ["mean"]
    assert len(selected(workspace, ":train", "-:train@lr=7")) == 4


@pytest.mark.parametrize("pattern", [":train@lr", ":train@.", "-:train@.", ":train@lr=0.1,lr=0.1", ":train@lr=*"])
def test_what_selects_no_members_is_wrong_usage(pattern: str, workspace: FamilyWorkspace) -> None:
    with pytest.raises(UsageError):
        selected(workspace, ":mean", pattern)


@pytest.mark.parametrize("pattern", [":train@lr=7", ":train@x=1", ":mean@x=1", ":trian@lr=0.1"])
def test_a_pattern_that_no_member_matches_is_told(pattern: str, workspace: FamilyWorkspace) -> None:
    with pytest.raises(NotFoundError) as caught:
        selected(workspace, pattern)

    assert caught.value.hint
