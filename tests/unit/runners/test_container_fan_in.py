"""A fan-in in a container: the words that start it stay as few as those of a small one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from traintrack.action.action import Action
from traintrack.action.image import ContainerImage
from traintrack.digest import target_id
from traintrack.runners.container.accounts import Account
from traintrack.runners.container.engine import LocalImage
from traintrack.runners.container.preparation import MOST_INPUT_MOUNTS, World, _inputs
from traintrack.runners.container.run_command import Dialect, run_words
from traintrack.runners.container.spec import INPUTS, Prepared, container_spec
from traintrack.runners.contract.code_folder import tree_of
from traintrack.runners.contract.stage import Stage
from traintrack.storages.local.store import open_local
from traintrack.testing.runner_bench import Bench, make_fan_in

ACTION = Action(id=target_id(b"{}"), preimage=b"{}", task="pick", image=ContainerImage("x", "sha256:0"))


class Laid:
    """The inputs of a fan-in, laid out for a container, and the words that would start it."""

    def __init__(self, folder: Path, count: int) -> None:
        store = open_local(folder / "store")
        bench = Bench(cast("Any", None), store.staging, store.artifacts, store.kept, store.ledger, ACTION.image)
        artifacts = [bench.artifact({"n": str(n)}) for n in range(10)]
        (folder / "attempt").mkdir()
        self.stage = Stage(str(folder / "attempt"), str(folder / "out"))
        job = make_fan_in(ACTION, "evals", [({"lr": n}, artifacts[n % 10]) for n in range(count)])
        world = cast("World", SimpleNamespace(artifacts=store.artifacts, origins=None))
        began = time.process_time()
        self.mounts, self.texts = _inputs(job, self.stage, world)
        self.cpu_s = time.process_time() - began
        prepared = Prepared(self.stage, tree_of({}), self.mounts, "/c", Account("ann", 501, 20), ("/passwd", "/group"))
        image = LocalImage("sha256:1", (), "linux/amd64")
        self.spec = container_spec(job, prepared, image, "n", {})
        self.words = run_words(self.spec, Dialect.DOCKER, [])


@pytest.mark.parametrize("count", [MOST_INPUT_MOUNTS + 1, 2_000])
def test_many_inputs_are_one_mount(tmp_path: Path, count: int) -> None:
    laid = Laid(tmp_path, count)

    assert [mount.target for mount in laid.mounts] == [INPUTS]
    assert all(mount.read_only for mount in laid.mounts)
    assert len(" ".join(laid.words)) < 4_096
    for n in (0, 7, count - 1):
        path = laid.texts["evals", n, "path"]
        assert path == f"{INPUTS}/evals/{n}/path"
        copy = path.replace(INPUTS, laid.mounts[0].source) + "/n"
        assert Path(copy).read_text(encoding="utf-8") == str(n % 10)
        assert os.stat(copy).st_mode & 0o777 == 0o444


def test_a_few_inputs_are_mounted_where_they_lie(tmp_path: Path) -> None:
    laid = Laid(tmp_path, MOST_INPUT_MOUNTS)

    assert len(laid.mounts) == MOST_INPUT_MOUNTS
    assert not any(mount.source.startswith(laid.stage.folder) for mount in laid.mounts)
    assert len(" ".join(laid.words)) < 100_000


def test_ten_thousand_inputs_are_laid_out_in_seconds(tmp_path: Path) -> None:
    assert Laid(tmp_path, 10_000).cpu_s < 8.0
