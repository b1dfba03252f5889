from __future__ import annotations

from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.app.answers import ShownTarget
from traintrack.app.show_target import show_target
from traintrack.errors import InputError, NotFoundError


def shown(small: Small, text: str = "//a:train") -> ShownTarget:
    return show_target(small.project(), text, small.environment())


def test_each_field_tells_who_wrote_it_and_where(tmp_path: Path) -> None:
    small = Small(tmp_path)

    rows = {row.path: (row.value, str(row.place), row.origin) for row in shown(small).fields}

    assert rows["task"] == ("train_model", "a/TTCONFIG.yaml:7:11", "target")
    assert rows["args.epochs"] == (3, "a/TTCONFIG.yaml:11:15", "target")
    assert rows["paths"][0] == ["src"]
    assert rows["paths"][1].startswith("TTWORKSPACE.yaml:2:")
    assert rows["image"][1].startswith("a/TTCONFIG.yaml:1:")
    assert "retries" not in rows


def test_inputs_id_and_preimage(tmp_path: Path) -> None:
    small = Small(tmp_path)

    answer = shown(small)

    assert answer.inputs == (("args.data", "//a:data"),)
    assert answer.id == small.id_of("//a:train")
    assert answer.preimage["task"] == "train_model"
    assert answer.record is None
    assert answer.path is None


def test_the_last_record_and_the_path_of_a_result(tmp_path: Path) -> None:
    small = Small(tmp_path)
    run = small.make("//a:data")

    answer = shown(small, "//a:data")

    assert answer.record is not None
    assert answer.record["who"]["run"] == run
    assert answer.path is not None
    assert answer.path.is_dir()


def test_after_an_edit_the_last_record_is_that_of_the_old_recipe(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data")
    small.edit("a/TTCONFIG.yaml", "rows: 10", "rows: 11")

    answer = shown(small, "//a:data")

    assert answer.record is not None
    assert answer.record["id"] != answer.id
    assert answer.path is None


def test_marked_text_is_shown_with_its_mark(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", "rows: 10", 'rows: !literal ":x"')

    rows = {row.path: row.value for row in shown(small, "//a:data").fields}

    assert rows["args.rows"] == '!literal ":x"'


def test_a_target_whose_id_cannot_be_computed_is_shown_without(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", "task: make_data", "task: make_data\n    paths: [absent]")

    answer = shown(small)

    assert answer.id is None
    assert answer.preimage == {}
    assert answer.fields


def test_a_broken_reference_is_an_error(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", '":data"', '":dat"')

    with pytest.raises(InputError, match="no target `dat`"):
        shown(small)
    with pytest.raises(NotFoundError):
        shown(small, "//a:absent")
