"""`traintrack init --docker`, and a repository with a Dockerfile: the first experiment runs in containers as it is."""

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

TRAIN = """\
import argparse
import json
import os

from plates import SIZE

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--out", default="out")
args = parser.parse_args()
with open(os.path.join(args.out, "metrics.json"), "w") as out:
    json.dump({"lr": args.lr, "size": SIZE}, out)
"""


class Place:
    """A folder, a base image in a registry, and the program with the tests' docker."""

    def __init__(self, root: Path, engine: Engine, variables: Mapping[str, str], registry: str, shell: str) -> None:
        self.root = root / "w"
        self.base = f"{registry}/{secrets.token_hex(4)}/base:1"
        self._home = root
        self._variables = variables
        folder = root / "base"
        folder.mkdir()
        links = "ln -sf python3.11 /usr/bin/python3 && ln -sf python3.11 /usr/bin/python"
        (folder / "Dockerfile").write_text(f"FROM {shell}\nRUN {links}\n")
        made = engine.build(Build(folder, "Dockerfile", f"localhost/{secrets.token_hex(4)}:1"), root / "log")
        engine.push(made.id, self.base)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        self.shell("git init -q && git add . && git commit -qm Begin")

    def shell(self, line: str) -> str:
        who = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        clean = {name: value for name, value in os.environ.items() if name != "CI"}
        self.root.mkdir(exist_ok=True)
        done = subprocess.run(
            line.replace("traintrack ", f"{sys.executable} -m traintrack "),
            shell=True,
            cwd=self.root,
            env={
                **clean,
                **self._variables,
                **who,
                "HOME": str(self._home / "home"),
                "XDG_CACHE_HOME": str(self._home / "cache"),
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def follow(self, printed: str) -> None:
        for line in printed.splitlines():
            self.shell("git commit -qm Start" if "git commit" in line else line.strip())

    def result(self, label: str) -> Path:
        return Path(self.shell(f"traintrack pull {label}").strip())


@pytest.fixture
def place(
    docker_engine: Engine, docker_variables: Mapping[str, str], registry: str, shell_image: str, tmp_path: Path
) -> Place:
    return Place(tmp_path, docker_engine, docker_variables, registry, shell_image)


def test_a_fresh_workspace_runs_python_and_a_shell_in_images_of_its_own(place: Place) -> None:
    place.follow(place.shell(f"traintrack init --docker --base {place.base}"))

    assert (place.result("//experiments/hello") / "top.txt").read_text() == "e 4\no 3\nn 2\n"
    record = json.loads(place.shell("traintrack show //experiments/hello --record --json"))["record"]
    assert record["image"].startswith("sha256:")
    assert record["platform"] == "linux/amd64"
    assert "up to date" in place.shell("traintrack run //experiments/hello 2>&1")
    assert place.base in (place.root / "experiments/hello/TTLOCK.yaml").read_text()


def test_a_repository_with_a_dockerfile_gets_a_first_look_in_it(place: Place) -> None:
    place.write({"Dockerfile": f"FROM {place.base}\nCOPY app.cfg /app.cfg\n", "app.cfg": "a"})

    place.follow(place.shell("traintrack init"))

    assert "look_around.sh" in (place.result("//experiments/first_look") / "code.txt").read_text()


def test_a_script_is_wrapped_for_the_image_of_a_dockerfile(place: Place) -> None:
    files = {"scripts/train.py": TRAIN, "src/plates/__init__.py": "SIZE = 3\n"}
    place.write({"Dockerfile": f"FROM {place.base}\n", **files})

    place.follow(place.shell("traintrack init --docker --wrap scripts/train.py"))

    found = json.loads((place.result("//experiments/train") / "metrics.json").read_text())
    assert found == {"lr": 0.5, "size": 3}
