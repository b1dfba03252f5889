from __future__ import annotations

from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.app.pull import pull
from traintrack.errors import InputError, IntegrityError, NotFoundError, UsageError

FILES = {"weights/best.pt": b"w" * 1000, "metrics.json": b"{}"}


@pytest.fixture
def small(tmp_path: Path) -> Small:
    small = Small(tmp_path / "w")
    small.make("//a:data")
    small.make("//a:train", files=FILES)
    return small


def pulled(small: Small, *texts: str, output: Path | None = None, force: bool = False, below: str = ".") -> list[Path]:
    answers = pull(small.project(below), small.environment(), texts, output, force=force)
    return [answer.path for answer in answers]


def test_without_an_output_folder_the_path_in_the_storage_is_told(small: Small) -> None:
    [path] = pulled(small, "//a:train")

    assert (path / "weights/best.pt").read_bytes() == FILES["weights/best.pt"]
    assert path.is_relative_to(small.root / "store")


@pytest.mark.parametrize("text", ["//a:train/weights/best.pt", "//a:train#model", "a:train/weights/best.pt"])
def test_a_part_of_an_artifact_can_be_pulled(small: Small, text: str, tmp_path: Path) -> None:
    [path] = pulled(small, text)
    [copy] = pulled(small, text, output=tmp_path / "out")

    assert path.read_bytes() == FILES["weights/best.pt"]
    assert copy == tmp_path / "out" / "train" / "weights" / "best.pt"
    assert copy.read_bytes() == FILES["weights/best.pt"]


def test_texts_are_read_from_the_current_folder(small: Small) -> None:
    assert pulled(small, ":train", below="a") == pulled(small, "//a:train")
    assert pulled(small, ":train#model", below="a") == pulled(small, "//a:train#model")
    assert len(pulled(small, below="a")) == 2


def test_excludes_take_away_from_all_patterns_before(small: Small) -> None:
    assert pulled(small, "//a:*", "-//a:data") == pulled(small, "//a:train")


def test_a_copy_goes_to_a_folder_named_like_the_target(small: Small, tmp_path: Path) -> None:
    paths = pulled(small, "//a:*", output=tmp_path / "out")

    assert paths == [tmp_path / "out" / "data", tmp_path / "out" / "train"]
    assert (tmp_path / "out/train/metrics.json").read_bytes() == b"{}"
    (tmp_path / "out/train/metrics.json").write_bytes(b"writable")


def test_equal_names_get_their_folders_between(small: Small, tmp_path: Path) -> None:
    small.write("b/TTCONFIG.yaml", "defaults: {image: py, commit: HEAD}\ntargets:\n  train: {task: t, args: {x: 1}}\n")
    small.make("//b:train")

    paths = pulled(small, "//a:train", "//b:train", output=tmp_path / "out")

    assert paths == [tmp_path / "out/a/train", tmp_path / "out/b/train"]


def test_what_differs_is_replaced_only_by_force(small: Small, tmp_path: Path) -> None:
    [path] = pulled(small, "//a:train", output=tmp_path)
    (path / "metrics.json").write_bytes(b"mine")

    with pytest.raises(UsageError, match="has other content"):
        pulled(small, "//a:train", output=tmp_path)
    assert (path / "metrics.json").read_bytes() == b"mine"
    pulled(small, "//a:train", output=tmp_path, force=True)

    assert (path / "metrics.json").read_bytes() == b"{}"


def test_a_target_without_a_result_is_told_with_the_command_that_makes_it(small: Small) -> None:
    small.edit("a/TTCONFIG.yaml", "epochs: 3", "epochs: 4")

    with pytest.raises(NotFoundError, match="`//a:train` has no result") as caught:
        pulled(small, "//a:*")

    assert caught.value.code == "no-result"
    assert caught.value.hint == "traintrack run //a:train"


def test_damaged_bytes_are_refused_with_the_path(small: Small, tmp_path: Path) -> None:
    [path] = pulled(small, "//a:train")
    (path / "metrics.json").chmod(0o644)
    (path / "metrics.json").write_bytes(b"[]")

    with pytest.raises(IntegrityError, match=r"metrics\.json") as caught:
        pulled(small, "//a:train", output=tmp_path / "out")

    assert "traintrack run //a:train" in (caught.value.hint or "")
    assert not (tmp_path / "out").exists()


def test_a_damage_elsewhere_does_not_keep_a_part_back(small: Small) -> None:
    [path] = pulled(small, "//a:train")
    (path / "metrics.json").chmod(0o644)
    (path / "metrics.json").write_bytes(b"[]")

    assert pulled(small, "//a:train/weights") == [path / "weights"]


def test_an_unknown_path_or_output_is_told(small: Small) -> None:
    with pytest.raises(NotFoundError, match=r"has no `weights/bets\.pt`"):
        pulled(small, "//a:train/weights/bets.pt")
    with pytest.raises(InputError, match="declares no output `modle`") as caught:
        pulled(small, "//a:train#modle")

    assert caught.value.hint == "did you mean `//a:train#model`?"


@pytest.mark.parametrize("text", ["@main//a:train/x", "@lp:production/x", "//a:train@x=1/y", "//a:tr ain/x"])
def test_references_of_later_versions_are_wrong_usage(small: Small, text: str) -> None:
    with pytest.raises(UsageError):
        pulled(small, text)
