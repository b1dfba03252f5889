"""Inputs are linked, and a change of one is seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from traintrack.action.action import Deliver
from traintrack.action.job import JobInput
from traintrack.digest import ArtifactDigest
from traintrack.runners.contract.inputs import first_change, stage_inputs


class Folder:
    """Artifacts of which only the path is asked."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, artifact: ArtifactDigest, subpath: str | None = None) -> Path:
        return self.root / (subpath or "")


def staged(tmp_path: Path, *inputs: JobInput):
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "deep" / "a b").write_text("a")
    (data / "top").write_text("t")
    return stage_inputs(inputs, Folder(data), str(tmp_path / "in"))


def given(name: str, subpath: str | None = None, deliver: Deliver = Deliver.COPY) -> JobInput:
    return JobInput((name,), name, ArtifactDigest("x"), subpath, deliver)


def test_an_input_is_a_link_in_real_folders(tmp_path: Path) -> None:
    nested = JobInput(("evals", 0), "evals/0", ArtifactDigest("x"), "deep")

    (item,) = staged(tmp_path, nested)

    assert item.text == f"{tmp_path}/in/evals/0"
    assert os.path.islink(item.text)
    assert not os.path.islink(tmp_path / "in" / "evals")
    assert os.listdir(item.text) == ["a b"]


def test_a_uri_is_escaped_and_no_link_is_made(tmp_path: Path) -> None:
    (item,) = staged(tmp_path, given("x", "deep/a b", Deliver.URI))

    assert item.text == f"file://{tmp_path}/data/deep/a%20b"
    assert not (tmp_path / "in").exists()


def test_nothing_changed_is_no_change(tmp_path: Path) -> None:
    assert first_change(staged(tmp_path, given("x"), given("y", "top"))) is None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda d: (d / "deep" / "a b").write_text("b"), "deep/a b"),
        (lambda d: (d / "top").chmod(0o600), "top"),
        (lambda d: (d / "top").unlink(), "top"),
        (lambda d: (d / "deep" / "new").write_text(""), "deep/new"),
        (lambda d: (d / "deep" / "a b").rename(d / "deep" / "z"), "deep/z"),
    ],
)
def test_a_changed_file_is_named(tmp_path: Path, change: Callable[[Path], object], path: str) -> None:
    items = staged(tmp_path, given("x"))
    change(tmp_path / "data")

    found = first_change(items)

    assert found is not None
    assert found[1] == path


def test_a_change_that_keeps_size_and_mtime_is_seen(tmp_path: Path) -> None:
    items = staged(tmp_path, given("x"))
    top = tmp_path / "data" / "top"
    before = top.stat()
    top.write_text("T")
    os.utime(top, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert first_change(items) is not None
