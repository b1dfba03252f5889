"""`expand`: what it writes out means the same as the families and templates that it came from."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_workspace import Small

from traintrack.app.expand import ExpandedTarget, Expansion, expand
from traintrack.app.flow_yaml import flow_value
from traintrack.app.project import action_graph, open_project
from traintrack.app.written import FIELD_ORDER
from traintrack.cli.expand_text import plain_lines, yaml_lines
from traintrack.cli.line import plain
from traintrack.errors import InputError, NotFoundError
from traintrack.workspace.model import Literal
from traintrack.workspace.target_fields import CHECKS, SHAPE
from traintrack.workspace.yaml_source import parse_yaml

SWEEP = """\
defaults: {image: py, commit: HEAD}
targets:
  data: {task: make_data, args: {rows: 10}}
  train:
    task: train_model
    each: {lr: [0.1, 1e-4], depth: [18, 34]}
    args: {data: ":data", lr: "${lr}", name: "x-${lr}-${depth}", text: "$${lr}"}
    overrides:
      - match: {depth: 34}
        resources: {cpu: 2}
  evaluate:
    task: evaluate_model
    each: ":train"
    args: {model: ":train@./weights", all: ":train@.,*", same: ":train@depth=18,."}
    needs: [":train@."]
  best: {task: pick, args: {evals: ":evaluate@*", slice: ":evaluate@lr=0.1,*"}}
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return Small(tmp_path_factory.mktemp("shared"))


def with_config(root: Path, text: str, **files: str) -> Small:
    return Small(root, {"a/TTCONFIG.yaml": text, **files})


def document(expansion: Expansion) -> str:
    return "".join(f"{plain(line)}\n" for line in plain_lines(expansion))


def field(target: ExpandedTarget, *path: str) -> tuple[object, str, str]:
    [one] = [one for one in target.fields if one.path == path]
    return one.value, f"{one.place.path}:{one.place.line}", one.origin


def test_each_value_tells_the_layer_and_the_line_that_wrote_it(tmp_path: Path) -> None:
    small = with_config(tmp_path, SWEEP)

    [target] = expand(small.project(), ["//a:train@lr=0.0001,depth=34"]).targets

    assert target.label == "//a:train@lr=0.0001,depth=34"
    assert str(target.place) == "a/TTCONFIG.yaml:4:3"
    assert field(target, "args", "lr") == (0.0001, "a/TTCONFIG.yaml:7", "target")
    assert field(target, "args", "name") == ("x-0.0001-34", "a/TTCONFIG.yaml:7", "target")
    assert field(target, "resources", "cpu") == (2, "a/TTCONFIG.yaml:10", "overrides[0]")
    assert field(target, "image") == ("py", "a/TTCONFIG.yaml:1", "defaults")
    assert field(target, "paths")[:2] == (["src"], "TTWORKSPACE.yaml:2")


def test_profiles_sets_and_worktrees_are_layers_like_others(tmp_path: Path) -> None:
    profile = "profiles:\n  smoke:\n    tasks:\n      train_model: {args: {epochs: 1}}\n"
    small = with_config(tmp_path, SWEEP + profile)
    patterns = ["//a:train@lr=0.1,depth=18"]
    project = open_project(small.root, sets=["args.lr=0.5"], worktree=True, requested=patterns, profile="smoke")

    [target] = expand(project, patterns).targets

    assert field(target, "args", "epochs") == (1, "a/TTCONFIG.yaml:20", "profile smoke")
    assert field(target, "args", "lr")[::2] == (0.5, "--set")
    assert field(target, "commit")[::2] == ("worktree", "--worktree")
    text = "".join(f"{plain(line)}\n" for line in yaml_lines(Expansion((target,))))
    assert " # --set\n" in text
    assert " # a/TTCONFIG.yaml:20 profile smoke\n" in text


def test_what_a_template_gives_is_told_as_such_and_siblings_are_named_in_full(tmp_path: Path) -> None:
    lib = (
        "templates:\n  cv:\n    params: {k: int, lr: float}\n    result: sum\n    targets:\n"
        '      train: {task: t, each: {fold: {range: "${k}"}}, args: {lr: "${lr}"}}\n'
        '      eval: {task: e, each: .train, args: {model: ".train@."}}\n'
        '      sum: {task: s, args: {all: ".eval@*"}}\n'
    )
    use = 'defaults: {image: py, commit: HEAD}\ntargets:\n  cv: {use: "//lib:cv", each: {lr: [0.5]}, with: {k: 2, lr: "${lr}"}}\n'
    small = with_config(tmp_path, use, **{"lib/TTCONFIG.yaml": lib})

    first, *_, last = expand(small.project(), ["//a:cv.eval", "//a:cv"]).targets

    assert field(first, "args", "model") == (":cv.train@lr=0.5,fold=0", "lib/TTCONFIG.yaml:7", "template //lib:cv")
    assert field(last, "args", "all")[0] == ":cv.eval@lr=0.5,*"


def test_members_at_the_same_coordinates_are_named_and_lists_stay_lists(tmp_path: Path) -> None:
    small = with_config(tmp_path, SWEEP)

    evaluate, best = expand(small.project(), ["//a:evaluate@lr=0.1,depth=34", "//a:best"]).targets

    assert field(evaluate, "args", "model")[0] == ":train@lr=0.1,depth=34/weights"
    assert field(evaluate, "args", "all")[0] == ":train@lr=0.1,depth=34,*"
    assert field(evaluate, "args", "same")[0] == ":train@lr=0.1,depth=18"
    assert field(evaluate, "needs")[0] == [":train@lr=0.1,depth=34"]
    assert field(best, "args", "evals")[0] == ":evaluate@*"
    assert field(best, "args", "slice")[0] == ":evaluate@lr=0.1,*"


def test_removed_fields_and_those_of_another_kind_of_target_are_left_out(tmp_path: Path) -> None:
    text = (
        "defaults: {image: py, commit: HEAD, timeout: 2h, args: {a: 1, b: 2}}\n"
        "targets:\n  t: {task: x, timeout: !remove , retries: 2, args: {a: !remove }}\n  raw: {source: src, import: true}\n"
    )
    small = with_config(tmp_path, text)

    task, source = expand(small.project(), ["//a:*"]).targets

    assert [".".join(one.path) for one in task.fields] == ["task", "image", "commit", "paths", "args.b", "retries"]
    assert [one.path[0] for one in source.fields] == ["source", "import", "timeout"]
    assert parse_yaml(document(Expansion((task, source))).encode(), "x").value["targets"]["//a:raw"]["import"] is True


def test_of_a_large_family_three_members_are_made_unless_they_are_asked_for(tmp_path: Path) -> None:
    text = SWEEP.replace("[18, 34]", "{range: [18, 35]}")
    project = with_config(tmp_path, text).project()

    expansion = expand(project, ["//a:train", "//a:best"])
    lines = [plain(line) for line in yaml_lines(expansion)]

    assert [target.label for target in expansion.targets][2:] == ["//a:train@lr=0.1,depth=20", "//a:best"]
    assert [(one.label, one.shown, one.members) for one in expansion.folded] == [("//a:train", 3, 34)]
    assert "  # and 31 more members; to see all: traintrack expand --all //a:train" in lines
    assert len(expand(project, ["//a:train"], most=sys.maxsize).targets) == 34
    assert len(expand(project, ["//a:train@*"]).targets) == 34
    assert len(expand(project, ["//a:train", "-//a:train@lr=0.1,depth=18"]).targets) == 3
    assert len(expand(project, ["//a:train@lr=0.1,*"]).targets) == 17


def test_members_that_nobody_sees_are_not_made(tmp_path: Path) -> None:
    broken = SWEEP.replace("[18, 34]", "{range: [0, 50]}").replace("cpu: 2", 'cpu: "${lr}x"')
    project = with_config(tmp_path, broken).project()

    assert len(expand(project, ["//a:train"]).targets) == 3
    with pytest.raises(InputError):
        expand(project, ["//a:train"], most=sys.maxsize)


def test_a_frozen_target_that_is_not_declared_is_told(tmp_path: Path) -> None:
    lock = "format: traintrack.lock/1\nfrozen:\n  old: {id: " + "a" * 64 + "}\n"
    small = with_config(tmp_path, SWEEP, **{"a/TTLOCK.yaml": lock})

    with pytest.raises(NotFoundError, match="`//a:old` is frozen"):
        expand(small.project(), ["//a:old"])


def test_every_field_of_a_target_has_a_place_in_the_order() -> None:
    assert sorted(FIELD_ORDER) == sorted(set(CHECKS) - SHAPE)


# From here on: what is written out is read back, and has the IDs of the members.

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text("${}:,# \"'a\n", max_size=8)
KEYS = TEXTS.filter(lambda text: "${" not in text)
AXES = {
    "ints": st.lists(st.integers(-99, 99), min_size=1, max_size=3, unique=True),
    "floats": st.lists(st.sampled_from([0.1, 1e-4, 1e-5, 2.0, 1e22, 0.30000000000000004]), min_size=1, unique=True),
    "texts": st.lists(st.sampled_from(["adam", "no", "null", "1e-4", "08", "x.y"]), min_size=1, unique=True),
    "flags": st.sampled_from([[True], [False, True], [None, 0]]),
    "labels": st.sampled_from([[":data"], [":data", "//a:other"]]),
    "marked": st.sampled_from([[Literal(":data")], [Literal("//x/y"), "z"]]),
    "bundle": st.fixed_dictionaries(
        {"one": TEXTS.map(lambda t: {"v": escaped(t), "n": [1, {"m": 0.1}]}), "two": st.just({})}
    ),
}


def escaped(text: str) -> str:
    """A text that is neither a reference nor has holes."""
    return "t" + text.replace("${", "$${")


def values(axes: list[str]) -> st.SearchStrategy[object]:
    """Values of arguments, with holes alone and inside text."""
    holes = [st.just(f"${{{axis}}}") for axis in axes]
    inside = [st.just(f"x${{{axis}}}-$${{{axis}}}") for axis in axes if axis not in ("bundle", "flags")]
    fixed = [TEXTS.map(escaped), st.none(), st.booleans(), st.integers(), TEXTS.map(Literal), st.just({}), st.just([])]
    floats = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
    leaves = st.one_of(*holes, *inside, *fixed, floats)
    keys = KEYS.map(lambda text: f"k{text}")
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
    )


@st.composite
def families(draw: st.DrawFn) -> dict[str, object]:
    """The targets of an experiment: a family, one at its coordinates, and members with an override."""
    axes = draw(st.lists(st.sampled_from(list(AXES)), min_size=1, max_size=2, unique=True))
    each = {axis: draw(AXES[axis]) for axis in axes}
    args = draw(st.dictionaries(KEYS.map(lambda text: f"a{text}"), values(axes), max_size=4))
    train: dict[str, object] = {"task": draw(st.sampled_from(["train", *_task(axes)])), "each": each, "args": args}
    if axes[0] in ("ints", "floats", "texts"):
        train["env"] = {"A": draw(st.sampled_from(["1", f"${{{axes[0]}}}", f"x ${{{axes[0]}}}"]))}
    if axes[0] in ("ints", "floats"):
        more = {"args": {"more": draw(values(axes))}, "resources": {"cpu": 2}}
        train["overrides"] = [{"match": {axes[0]: each[axes[0]][0]}, **more}]  # type: ignore[index]
    return {
        "data": {"task": "make"},
        "other": {"task": "other"},
        "train": train,
        "evaluate": {"task": "eval", "each": ":train", "args": {"model": ":train@.", "part": ":train@./w"}},
    }


def _task(axes: list[str]) -> list[str]:
    return ["train-${ints}"] if "ints" in axes else []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(targets=families())
def test_what_is_written_out_has_the_same_ids(shared: Small, targets: dict[str, object]) -> None:
    defaults = {"image": "py", "commit": "HEAD"}
    shared.write("a/TTCONFIG.yaml", f"defaults: {flow_value(defaults)}\ntargets: {flow_value(targets)}\n")
    expansion = expand(shared.project(), ["//a:*"], most=sys.maxsize)
    names = {target.label: f"t{number}" for number, target in enumerate(expansion.targets)}

    shared.write("b/TTCONFIG.yaml", renamed(document(expansion), names))

    before = action_graph(shared.project(), ["//a:*"]).labels
    after = action_graph(shared.project(), ["//b:*"]).labels
    assert {names[label]: id_ for label, id_ in before.items()} == {
        label.removeprefix("//b:"): id_ for label, id_ in after.items()
    }


def renamed(text: str, names: dict[str, str]) -> str:
    """Give the targets names that can be declared, where they are declared and where they are referred to."""
    for label, name in names.items():
        text = text.replace(f'  "{label}":\n', f"  {name}:\n")
        reference = rf'(?<!!literal )"(?://a)?{re.escape(label.removeprefix("//a"))}(?=["/])'
        text = re.sub(reference, f'":{name}', text)
    return text
