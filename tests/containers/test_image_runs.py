"""Whole runs in images: pinned on the way, built from git, or with the code baked in."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from traintrack.runners.container.engine import Build, Engine

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "app"))
from small_workspace import Small

WORKSPACE = """\
workspace: small
defaults: {{paths: [src]}}
images:
  trainer: {{ref: "{base}:1"}}
  built: {{build: {{context: docker}}}}
  baked: {{ref: "{base}:{{commit}}"}}
environments:
  local: {{runner: local, storage: store}}
default_env: local
"""
TASK = """\
#!/bin/sh
cat /word > "$2/word"
"""


class Shop:
    """A workspace, a registry with an image whose task writes the image's word, and the tests' docker."""

    def __init__(self, root: Path, engine: Engine, variables: Mapping[str, str], registry: str, shell: str) -> None:
        self.root, self.engine, self.shell = root, engine, shell
        self.base = f"{registry}/{secrets.token_hex(4)}/base"
        self._variables = variables
        self.push("1", "first")
        files = {
            "TTWORKSPACE.yaml": WORKSPACE.format(base=self.base),
            "docker/Dockerfile": f"FROM {self.base}:1\nRUN echo built > /word\n",
            "a/TTCONFIG.yaml": "defaults: {commit: HEAD}\ntargets: {t: {task: write_word, image: trainer}}\n",
            "src/nothing": "",
            ".gitignore": "store/\n",
        }
        self.small = Small(root / "workspace", files, base={})

    def push(self, tag: str, word: str) -> str:
        folder = self.root / f"image-{secrets.token_hex(4)}"
        folder.mkdir()
        (folder / "word").write_text(word)
        (folder / "write_word").write_text(TASK)
        (folder / "write_word").chmod(0o755)
        (folder / "Dockerfile").write_text(f"FROM {self.shell}\nCOPY word /word\nCOPY write_word /usr/bin/write_word\n")
        made = self.engine.build(Build(folder, "Dockerfile", f"localhost/{folder.name}:1"), self.root / "log")
        return self.engine.push(made.id, f"{self.base}:{tag}")

    def traintrack(self, *words: str, exits: int = 0, **variables: str) -> str:
        """Run the command line in the workspace; what it says on both streams."""
        clean = {name: value for name, value in os.environ.items() if name != "CI"}
        done = subprocess.run(
            [sys.executable, "-m", "traintrack", *words],
            cwd=self.small.root,
            env={**clean, **self._variables, "XDG_CACHE_HOME": str(self.root / "cache"), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == exits, done.stdout + done.stderr
        return done.stdout + done.stderr

    def run(self, label: str) -> tuple[str, dict[str, object]]:
        """Run a target; the word that it wrote, and its record."""
        self.traintrack("run", label)
        self.traintrack("pull", label, "-o", str(out := self.root / secrets.token_hex(4)))
        [word] = out.rglob("word")
        return word.read_text().strip(), json.loads(self.traintrack("show", label, "--record", "--json"))["record"]


@pytest.fixture
def shop(
    docker_engine: Engine, docker_variables: Mapping[str, str], registry: str, shell_image: str, tmp_path: Path
) -> Shop:
    return Shop(tmp_path, docker_engine, docker_variables, registry, shell_image)


def test_a_run_pins_an_image_says_so_and_stays_with_it(shop: Shop) -> None:
    locked = shop.traintrack("run", "//a:t", exits=3, CI="true")
    assert "traintrack lock" in locked
    said = shop.traintrack("run", "//a:t")
    assert f"image {shop.base}:1" in said

    moved = shop.push("1", "second")

    shop.small.edit("a/TTCONFIG.yaml", "write_word", "write_word, cache_version: 2")
    assert shop.run("//a:t")[0] == "first"
    checked = shop.traintrack("lock", "--check")
    assert "points elsewhere now" in checked
    assert moved in checked
    updated = shop.traintrack("lock", "--update", "//a:t")
    assert moved in updated
    assert "the ID of //a:t changes" in updated
    assert shop.run("//a:t")[0] == "second"
    assert shop.traintrack("lock", "--check").count("points elsewhere") == 0


def test_a_run_builds_its_image(shop: Shop) -> None:
    shop.small.edit("a/TTCONFIG.yaml", "trainer", "built")

    word, record = shop.run("//a:t")

    assert word == "built"
    assert str(record["image"]).startswith("sha256:")
    assert record["platform"] == "linux/amd64"


def test_a_run_with_baked_code_takes_the_image_of_the_commit(shop: Shop) -> None:
    commit = shop.small.git("rev-parse", "HEAD")
    digest = shop.push(commit, "baked")
    shop.small.write(
        "a/TTCONFIG.yaml",
        f'targets:\n  t: {{task: write_word, image: baked, code: baked, commit: "{commit}"}}\n',
    )

    word, record = shop.run("//a:t")

    assert word == "baked"
    assert (record["image"], record["commit"]) == (digest, commit)
    assert f"{shop.base}:{commit}" in (shop.small.root / "a/TTLOCK.yaml").read_text()


def test_what_a_registry_does_not_have_is_told_at_its_place_and_not_as_a_missing_pin(shop: Shop) -> None:
    shop.small.edit("TTWORKSPACE.yaml", f"{shop.base}:1", f"{shop.base}:none")

    said = shop.traintrack("run", "//a:t", exits=6)

    assert "[no-such-image]" in said
    assert "TTWORKSPACE.yaml:4:" in said
    assert "missing-pin" not in said
