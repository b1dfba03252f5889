"""`traintrack run` over containers: from YAML to a record, through a killed run, and what `clean` removes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from container_bench import ours, pushed

from traintrack.runners.container.engine import Engine, Inspected
from traintrack.runners.contract.secret_files import secret_folder

LIMIT_S = 60.0
WORKSPACE = """
workspace: boats
platform: linux/amd64
environments:
  local: {runner: local, storage: "STORE", engine: ENGINE}
images:
  shell: {ref: "IMAGE", entrypoint: [sh]}
"""
EXPERIMENT = """
defaults: {image: shell, paths: [src], commit: HEAD}
targets:
  waits: {task: src/waits.sh, secrets: {TOKEN: {env: BOATS_TOKEN}}}
  after: {task: src/after.sh, args: {from: ":waits"}}
"""
WAITS = """
echo "began with $TOKEN"
while test ! -e "$HOME/go"; do sleep 0.05; done
echo result > "$2/x"
"""
AFTER = 'cp "$(sed -n \'s/^  "from": "\\(.*\\)"$/\\1/p\' "$1")/x" "$2/y"\n'


class Place:
    """A workspace under git, and the program in it."""

    def __init__(self, folder: Path, engine: Engine, image: str, variables: Mapping[str, str]) -> None:
        self.root, self.engine = folder / "w", engine
        self.markers: list[str] = []
        self.begun: list[subprocess.Popen[str]] = []
        self.environ = {**os.environ, **variables, "HOME": str(folder / "home"), "CI": "", "BOATS_TOKEN": "s3cret!"}
        text = WORKSPACE.replace("STORE", str(folder / "store")).replace("IMAGE", image)
        files = {"TTWORKSPACE.yaml": text.replace("ENGINE", engine.name), "e/TTCONFIG.yaml": EXPERIMENT}
        for name, content in {**files, "src/waits.sh": WAITS, "src/after.sh": AFTER}.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        for words in ("init -q", "add -A", "-c user.name=t -c user.email=t@t commit -qm x"):
            subprocess.run(["git", "-C", self.root, *words.split()], check=True)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start the program."""
        command = [sys.executable, "-m", "traintrack", *words]
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.begun.append(process)
        return process

    def say(self, *words: str) -> Any:
        """Run the program to its end and return its document."""
        process = self.begin(*words, "--json")
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return json.loads(out)

    def containers(self) -> Sequence[Inspected]:
        """The containers of this place's storage."""
        return self.engine.find(ours(self.root.parent))

    def container(self, process: subprocess.Popen[str]) -> str:
        """Wait for the container of a task, and return its ID once the task has begun."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline and process.poll() is None:
            for one in self.containers():
                if any("began" in path.read_text() for path in self.stages("log")):
                    self.markers.append(one.labels["traintrack.marker"])
                    return one.id
            time.sleep(0.05)
        kill(process)
        raise AssertionError(f"no task has begun: {process.stderr.read() if process.stderr else ''}")

    def stages(self, name: str) -> list[Path]:
        """Files of a name in the stages of attempts."""
        return list((self.root.parent / "store" / "stage").glob(f"*/{name}"))

    def let_go(self) -> None:
        """Let the task that waits go on."""
        for home in self.stages("home"):
            (home / "go").touch()


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, engine: Engine, registry: str, shell_image: str
) -> Iterator[Place]:
    image = pushed(engine, registry, shell_image)
    variables = request.getfixturevalue(f"{engine.name}_variables")
    place = Place(tmp_path, engine, f"{image.ref.rpartition(':')[0]}@{image.digest}", variables)
    yield place
    for process in place.begun:
        kill(process)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    assert place.containers() == []
    assert not [marker for marker in place.markers if Path(secret_folder(marker)).exists()]


def kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_killed_run_is_taken_up_where_its_container_is(place: Place) -> None:
    first = place.begin("run", "//e:after")
    container = place.container(first)
    kill(first)

    second = place.begin("run", "//e:after", "--json")
    time.sleep(1.0)
    same = place.container(second)
    place.let_go()
    out, err = second.communicate(timeout=LIMIT_S)
    shown = place.say("show", "//e:waits")
    third = place.say("run", "//e:after")

    assert same == container
    assert second.returncode == 0, err
    outcomes = {target["label"]: target["outcome"] for target in json.loads(out)["targets"]}
    assert outcomes == {"//e:waits": "executed", "//e:after": "executed"}
    assert {target["outcome"] for target in third["targets"]} == {"reused"}
    assert "s3cret!" not in json.dumps(shown)


def test_an_interrupted_run_leaves_nothing(place: Place) -> None:
    process = place.begin("run", "//e:waits")
    place.container(process)

    # The first lets what runs come to its end, the second stops it.
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    process.communicate(timeout=LIMIT_S)

    assert process.returncode != 0
    assert place.containers() == []


def test_clean_spares_a_container_that_a_cell_waits_for_and_ends_one_that_nobody_wants(place: Place) -> None:
    killed = place.begin("run", "//e:waits")
    place.container(killed)
    kill(killed)

    place.say("clean")
    assert len(place.containers()) == 1
    # The cell is gone, and with it who wanted the result.
    for cell in (place.root.parent / "store" / "ns").rglob("*"):
        if cell.is_file():
            cell.unlink()
    report = place.say("clean")

    assert place.containers() == []
    assert place.stages("log") == []
    assert "containers: 1" in report["removed"]
