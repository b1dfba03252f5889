"""`show` of a family and of its members."""

from __future__ import annotations

import json
from pathlib import Path

from small_workspace import Small

from traintrack.app.show_family import ShownFamily, show_family
from traintrack.app.show_target import show_target
from traintrack.cli.line import plain
from traintrack.cli.show_answer import family_fields, family_lines, show_fields, show_lines

CONFIG = """\
defaults: {image: py, commit: HEAD}
templates:
  sweep: {task: train_model, each: {lr: [0.1, 1e-4], n: {range: 30}}, args: {lr: "${lr}", deep: {name: "m-${n}"}}}
targets:
  alone: {task: x}
  train: {use: sweep, args: {data: ":alone"}}
"""


def shown(root: Path, text: str = "//a:train") -> ShownFamily | None:
    return show_family(Small(root, {"a/TTCONFIG.yaml": CONFIG}).project(), text)


def test_a_family_is_its_axes_its_number_and_its_places(tmp_path: Path) -> None:
    family = shown(tmp_path)

    assert family is not None
    assert (family.label, family.members, str(family.place)) == ("//a:train", 60, "a/TTCONFIG.yaml:6:3")
    assert [(axis.name, axis.count) for axis in family.axes] == [("lr", 2), ("n", 30)]
    assert family.axes[1].values == ("0", "1", "2", "3", "4", "5", "6", "7")
    assert [(one.label, str(one.place)) for one in family.templates] == [("//a:sweep", "a/TTCONFIG.yaml:3:3")]
    lines = [plain(line) for line in family_lines(family)]
    assert "  n   0, 1, 2, 3, 4, 5, 6, 7 and 22 more" in lines
    assert lines[-1] == "  traintrack show '//a:train@lr=0.1,n=0'"
    assert json.loads(json.dumps(family_fields(family)))["members"] == 60


def test_targets_members_and_folders_are_no_families(tmp_path: Path) -> None:
    project = Small(tmp_path, {"a/TTCONFIG.yaml": CONFIG}).project()

    for text in ("//a:alone", "//a:train@lr=0.1,n=3", "//a:*", "//...", "//gone:x", "-//a:train"):
        assert show_family(project, text) is None


def test_a_member_is_shown_with_its_coordinates_and_with_what_was_written(tmp_path: Path) -> None:
    project = Small(tmp_path, {"a/TTCONFIG.yaml": CONFIG}).project()

    member = show_target(project, "//a:train@lr=1e-4,n=3")

    rows = {row.path: (row.value, row.written) for row in member.fields}
    assert dict(member.coordinates) == {"lr": "0.0001", "n": "3"}
    assert rows["args.lr"] == (0.0001, '"${lr}"')
    assert rows["args.deep.name"] == ("m-3", '"m-${n}"')
    assert rows["args.data"] == (":alone", None)
    assert "each" not in rows
    assert show_fields(member)["coordinates"] == {"lr": "0.0001", "n": "3"}
    text = "\n".join(plain(line) for line in show_lines(member))
    assert "  member   lr = 0.0001, n = 3\n" in text
    assert 'from "m-${n}"' in text


def test_names_that_nobody_wrote_are_not_shown_as_written(tmp_path: Path) -> None:
    config = (
        "defaults: {image: py, commit: HEAD}\ntemplates:\n  two:\n    params: {lr: float}\n    result: b\n    targets:\n"
        '      a: {task: x, args: {lr: "${lr}"}}\n      b: {task: x, args: {a: .a}}\n'
        'targets: {t: {use: two, each: {lr: [0.5, 0.25]}, with: {lr: "${lr}"}}}\n'
    )
    project = Small(tmp_path, {"a/TTCONFIG.yaml": config}).project()

    rows = {row.path: (row.value, row.written) for row in show_target(project, "//a:t@lr=0.5").fields}

    assert rows["args.a"] == (":t.a@lr=0.5", None)


def test_a_field_that_was_removed_is_not_shown(tmp_path: Path) -> None:
    config = "defaults: {image: py, commit: HEAD, retries: 3, env: {A: x}}\ntargets: {t: {task: x, retries: !remove , env: {A: !remove }}}\n"
    project = Small(tmp_path, {"a/TTCONFIG.yaml": config}).project()

    assert {row.path for row in show_target(project, "//a:t").fields} == {"task", "image", "commit", "paths", "env"}
