"""The edits that keep what `--set` said: made in the file, they do what the set did."""

from pathlib import Path

import pytest

from traintrack.app.keep_set import GivenSet, KeptEdit, edits_of
from traintrack.cli.keep_set_answer import edit_fields, edit_lines
from traintrack.cli.line import plain
from traintrack.label import parse_pattern
from traintrack.workspace.load import Loader, load_workspace
from traintrack.workspace.model import Target
from traintrack.workspace.sets import parse_set

WORKSPACE = """\
workspace: p
images: {py: {python: '3.11', lock: l}}
tasks:
  train: {args: {epochs: 100, optimizer: {name: sgd, lr: 0.5}}}
"""
EXPERIMENT = """\
defaults:
  image: py
  commit: HEAD
  paths: [src]
  args: {seed: 1}
templates:
  big:
    args: {size: 9}
targets:
  train:
    task: train
    args:
      lr: 0.1
      name: old_name
      layers: [64, 128]
      nested: {a: 1, b: 2}
    retries: 3
  other:
    use: big
    task: train
  flow: {task: train, args: {lr: 0.1}}
"""


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the cache of whoever runs the tests out of them."""
    monkeypatch.delenv("TRAINTRACK_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def written(root: Path, experiment: str = EXPERIMENT, workspace: str = WORKSPACE) -> Path:
    (root / "a").mkdir(parents=True, exist_ok=True)
    (root / "TTWORKSPACE.yaml").write_text(workspace)
    (root / "a/TTCONFIG.yaml").write_text(experiment)
    return root


def targets(root: Path, *sets: str, patterns: tuple[str, ...] = (), profile: str | None = None) -> dict[str, Target]:
    loader = Loader(
        load_workspace(root),
        sets=[parse_set(text, "a") for text in sets],
        requested=[parse_pattern(text, "a") for text in patterns],
        profile=profile,
    )
    return dict(loader.experiment("a").targets)


def edits(root: Path, *sets: str, patterns: tuple[str, ...] = (), profile: str | None = None) -> list[KeptEdit]:
    found = targets(root, *sets, patterns=patterns, profile=profile)
    given = [GivenSet(text, parse_set(text, "a")) for text in sets]
    requested = [parse_pattern(text, "a") for text in patterns]
    return list(edits_of(given, requested, list(found.values()), list(found.values())))


def told(*found: KeptEdit) -> list[str]:
    return [plain(line) for line in edit_lines(found)]


def carried_out(root: Path, edit: KeptEdit) -> None:
    """Make an edit in its file as a person would; new lines go below their key in block style."""
    path = root / edit.place.path
    lines = path.read_text().splitlines()
    line = lines[edit.place.line - 1]
    if edit.old is not None:
        assert line.count(edit.old) == 1
        lines[edit.place.line - 1] = line.replace(edit.old, edit.new)
    else:
        indent = len(line) - len(line.lstrip()) + 2
        lines.insert(edit.place.line, " " * indent + edit.new)
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("text", "line", "old", "new"),
    [
        ("args.lr=1e-2", 13, "lr: 0.1", "lr: 1e-2"),
        ("args.lr=null", 13, "lr: 0.1", "lr: null"),
        ("args.lr=", 13, "lr: 0.1", "lr: null"),
        ("args.name=new name", 14, "name: old_name", "name: new name"),
        ("args.name=:other", 14, "name: old_name", 'name: ":other"'),
        ("args.name=no", 14, "name: old_name", 'name: "no"'),
        ("args.layers=[32]", 15, "layers: [64, 128]", "layers: [32]"),
        ("args.nested.b=3", 16, "b: 2", "b: 3"),
        ("args.nested={a: 5}", 16, "a: 1", "a: 5"),
        ("args.nested=7", 16, "nested: {a: 1, b: 2}", "nested: 7"),
        ("args.name=!literal :x", 14, "name: old_name", 'name: !literal ":x"'),
        ("args.lr=!remove", 13, "lr: 0.1", "lr: !remove"),
        ("retries.task=1", 17, "retries: 3", "retries: {task: 1}"),
        ("args.new.er=true", 12, None, "new: {er: true}"),
        ("resources.cpu=2", 10, None, "resources: {cpu: 2}"),
        ('args."a b"=1', 12, None, "a b: 1"),
        ("args.seed=2", 12, None, "seed: 2"),
        ("args.optimizer.lr=0.1", 12, None, "optimizer: {lr: 0.1}"),
        ("args.optimizer=1", 12, None, "optimizer: 1"),
        ("args.optimizer.lr=!remove", 12, None, "optimizer: {lr: !remove }"),
    ],
)
def test_the_edit_does_what_the_set_did(tmp_path: Path, text: str, line: int, old: str | None, new: str) -> None:
    root = written(tmp_path)
    wanted = targets(root, f":train#{text}")["train"].spec
    [edit] = edits(root, f":train#{text}")

    assert (edit.place.path, edit.place.line, edit.new) == ("a/TTCONFIG.yaml", line, new)
    assert edit.old == old
    carried_out(root, edit)
    assert targets(root)["train"].spec == wanted
    assert targets(root)["train"].spec != targets(written(root))["train"].spec


def test_a_value_that_is_shared_is_written_anew_at_the_target(tmp_path: Path) -> None:
    root = written(tmp_path)

    assert told(*edits(root, ":train#args.seed=2")) == [
        "to keep --set :train#args.seed=2, edit",
        "  a/TTCONFIG.yaml:12, below `args` add   seed: 2",
        "    `seed: 1` at a/TTCONFIG.yaml:5 is shared by 3 targets",
    ]
    assert told(*edits(root, ":other#args.size=1"))[1:] == [
        "  a/TTCONFIG.yaml:18, below `other` add   args: {size: 1}",
        "    `size: 9` at a/TTCONFIG.yaml:8 is shared by 1 target",
    ]
    assert told(*edits(root, ":train#args.epochs=1"))[1:] == [
        "  a/TTCONFIG.yaml:12, below `args` add   epochs: 1",
        "    `epochs: 100` at TTWORKSPACE.yaml:4 is shared by every experiment",
    ]


def test_each_target_that_a_set_changes_has_a_place_and_many_are_counted(tmp_path: Path) -> None:
    root = written(tmp_path, EXPERIMENT + "".join(f"  t{n}:\n    task: train\n" for n in range(5)))
    lines = told(*edits(root, "args.lr=0.01", patterns=(":*",)))

    assert lines[:4] == [
        "to keep --set args.lr=0.01, edit",
        "  a/TTCONFIG.yaml:13   lr: 0.1  →  lr: 0.01",
        "  a/TTCONFIG.yaml:18, below `other` add   args: {lr: 0.01}",
        "  a/TTCONFIG.yaml:21   lr: 0.1  →  lr: 0.01",
    ]
    assert lines[6:] == ["  and 3 more places"]


def test_only_targets_that_were_asked_for_are_edited(tmp_path: Path) -> None:
    found = edits(written(tmp_path), "args.lr=0.01", patterns=(":*", "-:other"))

    assert [str(edit.label) for edit in found] == ["//a:train", "//a:flow"]


def test_nothing_is_told_of_a_set_that_says_what_the_file_says(tmp_path: Path) -> None:
    same = (":train#args.lr=0.1", ":train#args.epochs=100", ":train#args.gone=!remove")

    assert edits(written(tmp_path), *same) == []


def test_one_and_one_point_nought_are_two_values(tmp_path: Path) -> None:
    [edit] = edits(written(tmp_path), ":train#args.seed=1.0")

    assert edit.new == "seed: 1.0"


def test_of_two_sets_of_one_field_the_last_is_kept(tmp_path: Path) -> None:
    found = edits(written(tmp_path), ":train#args.lr=1", ":train#args.lr=2")

    assert [(edit.set, edit.new) for edit in found] == [(":train#args.lr=2", "lr: 2")]


def test_each_set_is_told_once_though_another_came_between(tmp_path: Path) -> None:
    found = edits(written(tmp_path), ":train#args.lr=1", ":train#args.name=x", ":*#args.lr=2")

    assert [line for line in told(*found) if line.startswith("to keep")] == [
        "to keep --set :train#args.name=x, edit",
        "to keep --set :*#args.lr=2, edit",
    ]


PROFILES = "profiles:\n  smoke:\n    targets:\n      train: {args: {lr: 0.5}}\n    defaults: {args: {seed: 7}}\n"


def test_under_a_profile_the_edit_is_where_the_profile_says_it(tmp_path: Path) -> None:
    root = written(tmp_path, EXPERIMENT + PROFILES)
    [edit] = edits(root, ":train#args.lr=9", profile="smoke")

    assert (edit.place.line, edit.old, edit.new) == (25, "lr: 0.5", "lr: 9")
    [edit] = edits(root, ":train#args.seed=9", profile="smoke")
    assert told(edit)[1:] == [
        "  a/TTCONFIG.yaml:25, below `args` add   seed: 9",
        "    `seed: 7` at a/TTCONFIG.yaml:26 is shared by 3 targets",
    ]
    [edit] = edits(root, ":other#args.seed=9", profile="smoke")
    assert told(edit)[1].endswith("below `smoke` add   targets: {other: {args: {seed: 9}}}")


def test_where_only_the_workspace_has_the_profile_the_edit_begins_one_in_the_experiment(tmp_path: Path) -> None:
    root = written(tmp_path, EXPERIMENT, WORKSPACE + "profiles: {smoke: {defaults: {args: {seed: 7}}}}\n")
    [edit] = edits(root, ":train#args.seed=9", profile="smoke")

    assert edit.new == "profiles: {smoke: {targets: {train: {args: {seed: 9}}}}}"
    written(root, f"{edit.new}\n{EXPERIMENT}", WORKSPACE + "profiles: {smoke: {defaults: {args: {seed: 7}}}}\n")
    assert targets(root, profile="smoke")["train"].spec.args["seed"] == 9


FAMILIES = """\
defaults: {image: py, commit: HEAD, paths: [src]}
templates:
  folds:
    params: {k: {type: int, default: 2}}
    targets:
      fit: {task: fit, each: {fold: {range: "${k}"}}, args: {epochs: 9}}
      mean: {task: mean, args: {fits: ":fit@*"}}
    result: mean
targets:
  grid:
    task: train
    each: {lr: [0.1, 0.2]}
    args: {lr: "${lr}", size: 1}
  cv: {use: folds}
  cv2: {use: folds, with: {k: 3}}
"""


def test_the_members_of_a_family_have_one_line(tmp_path: Path) -> None:
    root = written(tmp_path, FAMILIES)

    assert told(*edits(root, ":grid#args.size=2"))[1:] == ["  a/TTCONFIG.yaml:13   size: 1  →  size: 2"]
    assert told(*edits(root, ":grid#args.new=2"))[1:] == ["  a/TTCONFIG.yaml:13, below `args` add   new: 2"]


def test_the_part_of_a_template_is_edited_there_and_says_who_else_uses_it(tmp_path: Path) -> None:
    root = written(tmp_path, FAMILIES)

    assert told(*edits(root, ":cv.fit#args.epochs=2"))[1:] == [
        "  a/TTCONFIG.yaml:6   epochs: 9  →  epochs: 2",
        "    `epochs: 9` at a/TTCONFIG.yaml:6 is shared by 5 targets",
    ]
    assert told(*edits(root, ":cv.fit#resources.cpu=2"))[1:] == [
        "  a/TTCONFIG.yaml:6, below `fit` add   resources: {cpu: 2}",
        "    `fit` at a/TTCONFIG.yaml:6 is shared by 5 targets",
    ]


def test_an_empty_map_over_a_map_takes_nothing_away_and_is_no_edit(tmp_path: Path) -> None:
    assert edits(written(tmp_path), ":train#args.nested={}") == []


def test_under_a_profile_for_many_a_member_is_edited_as_its_family(tmp_path: Path) -> None:
    root = written(tmp_path, FAMILIES + "profiles: {smoke: {tasks: {train: {args: {size: 0}}}}}\n")
    [edit] = edits(root, ":grid#args.size=2", profile="smoke")

    assert (edit.into, edit.new) == (("profiles", "smoke"), "targets: {grid: {args: {size: 2}}}")


def test_json_names_each_place(tmp_path: Path) -> None:
    assert edit_fields(edits(written(tmp_path), ":train#args.lr=0.01", ":train#args.seed=3")) == [
        {
            "set": ":train#args.lr=0.01",
            "label": "//a:train",
            "path": "a/TTCONFIG.yaml",
            "line": 13,
            "old": "lr: 0.1",
            "new": "lr: 0.01",
            "into": [],
            "shared_by": 0,
        },
        {
            "set": ":train#args.seed=3",
            "label": "//a:train",
            "path": "a/TTCONFIG.yaml",
            "line": 12,
            "old": None,
            "new": "seed: 3",
            "into": ["targets", "train", "args"],
            "shared_by": 3,
        },
    ]
