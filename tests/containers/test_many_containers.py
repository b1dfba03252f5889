"""Many containers, two at a time, of a run that is killed again and again: every result comes, and nothing is left.

The run is killed by SIGKILL at random moments and begun anew. What ran when is told twice: by the engine's own events,
and by the tasks, each of which holds a lock on a file of its input while it lives, whatever container it is in, and
wants its output folder empty. Three kills in the quick slice, twenty in torture.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from container_bench import ours, pushed
from msgspec import Struct

from traintrack.runners.container.engine import Engine
from traintrack.runners.contract.failed_attempts import FailedAttempts

ENDS_WITHIN_S = 900.0
TOLD_WITHIN_S = 20.0
REFUSED = (91, 92)
WORKSPACE = """
workspace: many
platform: linux/amd64
environments:
  local: {runner: local, storage: "STORE", engine: ENGINE}
images:
  shell: {ref: "IMAGE", entrypoint: [sh]}
"""
EXPERIMENT = """
defaults: {image: shell, paths: [src], commit: HEAD, secrets: {TOKEN: {env: MANY_TOKEN}}}
targets:
  data: {task: src/data.sh, args: {count: COUNT}}
"""
DATA = 'cd "$2"; touch $(seq 0 "$(jq .count "$1")")\n'
# Every fourth lives long enough to be met by one of a run that is begun after a kill.
TASK = """
echo "begun with $TOKEN"
n=$(jq .n "$1")
exec 9< "$(jq -r .data "$1")/$n"
python3.11 -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)' || { echo "another one of $n lives"; exit 91; }
test -z "$(ls -A "$2")" || { echo "one of $n was here before"; exit 92; }
touch "$2/begun"
sleep $((n % 4 / 3 * 2)).$((n % 5 + 1))
cat "$1" > "$2/config"
"""


class Crowd:
    """A workspace with many targets, the program in it, and what the engine tells of its containers."""

    def __init__(self, folder: Path, engine: Engine, image: str, variables: Mapping[str, str], count: int) -> None:
        self.folder, self.root, self.engine, self.count = folder, folder / "w", engine, count
        self.seed = random.SystemRandom().randrange(1 << 32)
        self.labels = {"//e:data", *(f"//e:t{n}" for n in range(count))}
        self.canary = f"canary-{os.urandom(8).hex()}"
        self.environ = {**os.environ, **variables, "HOME": str(folder / "home"), "CI": "", "MANY_TOKEN": self.canary}
        self._told = folder / "events"
        self._listener: subprocess.Popen[bytes] | None = None
        text = WORKSPACE.replace("STORE", str(folder / "store")).replace("IMAGE", image)
        targets = "".join(f'  t{n}: {{task: src/task.sh, args: {{n: {n}, data: ":data"}}}}\n' for n in range(count))
        experiment = EXPERIMENT.replace("COUNT", str(count)) + targets
        files = {"TTWORKSPACE.yaml": text.replace("ENGINE", engine.name), "e/TTCONFIG.yaml": experiment}
        for name, content in {**files, "src/task.sh": TASK, "src/data.sh": DATA}.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(content)
        for words in ("init -q", "add -A", "-c user.name=t -c user.email=t@t commit -qm x"):
            subprocess.run(["git", "-C", self.root, *words.split()], check=True)

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the program; what it says goes to a file."""
        with open(self.folder / "out", "wb") as out, open(self.folder / "err", "wb") as err:
            return subprocess.Popen(
                [sys.executable, "-m", "traintrack", *words, "--json"],
                cwd=self.root,
                env=self.environ,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def say(self, *words: str) -> Any:
        """Run the program to its end and return its document."""
        process = self.begin(*words)
        try:
            code = process.wait(ENDS_WITHIN_S)
        finally:
            kill(process)
        told = "".join((self.folder / name).read_text()[-3000:] for name in ("err", "out"))
        assert code == 0, f"seed {self.seed}: {told}"
        return json.loads((self.folder / "out").read_text())

    def outcomes(self) -> dict[str, str]:
        """Run everything to its end and return what became of each target."""
        return {one["label"]: one["outcome"] for one in self.say("run", "//...", "-j", "2")["targets"]}

    def listen(self) -> None:
        """Have the engine write down what becomes of this storage's containers from now on."""
        label = f"label=traintrack.storage={ours(self.folder)['traintrack.storage']}"
        words = self.engine._cli.words("events", "--filter", label, "--format", "{{json .}}")  # type: ignore[attr-defined]
        with open(self._told, "wb") as told:
            self._listener = subprocess.Popen(words, env=self.environ, stdout=told, stderr=subprocess.STDOUT)

    def lines(self, target: str = "") -> list[str]:
        """What the engine has told, of a target or of all, as it stands there."""
        lines = self._told.read_text().splitlines(keepends=True)
        mark = f'"traintrack.target":"{target}"' if target else ""
        return [line for line in lines if line.endswith("\n") and line.startswith("{") and mark in line]

    def events(self) -> list[Event]:
        """What the engine has told, as values."""
        return [event(json.loads(line)) for line in self.lines()]

    def await_new_container(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until another container is made, or the program has ended."""
        before = self._made()
        while process.poll() is None and self._made() == before:
            time.sleep(0.005)

    def _made(self) -> int:
        return self._told.read_bytes().count(b'"create"')

    def close(self) -> None:
        """End who listens."""
        if self._listener is not None:
            kill_one(self._listener)


class Event(Struct, frozen=True):
    """What became of a container."""

    what: str
    container: str
    target: str


def event(told: Mapping[str, Any]) -> Event:
    """Read an event of docker or of podman."""
    attributes = (told.get("Actor") or told).get("Attributes") or {}
    what = str(told.get("Action") or told.get("Status"))
    container = str((told.get("Actor") or told)["ID"])
    return Event(
        {"died": "die", "remove": "destroy"}.get(what, what), container, attributes.get("traintrack.target", "")
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the program with all that stands in its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_one(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.fixture(params=[24, pytest.param(200, marks=pytest.mark.torture)])
def crowd(
    request: pytest.FixtureRequest, tmp_path: Path, engine: Engine, registry: str, shell_image: str
) -> Iterator[Crowd]:
    image = pushed(engine, registry, shell_image)
    variables = request.getfixturevalue(f"{engine.name}_variables")
    ref = f"{image.ref.rpartition(':')[0]}@{image.digest}"
    crowd = Crowd(tmp_path, engine, ref, variables, request.param)
    crowd.listen()
    yield crowd
    crowd.close()
    engine.remove([one.id for one in engine.find(ours(tmp_path))])


def test_a_run_that_is_killed_again_and_again_comes_to_its_end_and_leaves_nothing(crowd: Crowd) -> None:
    sys.stdout.write(f"\nseed {crowd.seed}\n")
    chance = random.Random(crowd.seed)
    networks, mounts = words_of(crowd, "network", "ls", "--quiet"), mounts_of_engine(crowd)

    for _ in range(3 if crowd.count < 100 else 20):
        process = crowd.begin("run", "//...", "-j", "2")
        pause_s = chance.uniform(0.5, 6.0)
        if chance.random() < 0.5:
            # Amid the start of a container, where most can go wrong.
            crowd.await_new_container(process)
            pause_s = chance.uniform(0.0, 0.1)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(pause_s)
        kill(process)
    last = crowd.outcomes()
    again = crowd.outcomes()
    refused = refused_tasks(crowd)
    crowd.say("clean")

    assert refused == []
    assert set(last) == set(again) == crowd.labels
    assert set(last.values()) <= {"executed", "reused"}
    assert set(again.values()) == {"reused"}
    tasks = sorted(crowd.labels - {"//e:data"})
    pulled = crowd.say("pull", *tasks)["targets"]
    assert sorted(one["label"] for one in pulled) == tasks
    for one in pulled:
        config = json.loads((Path(one["path"]) / "config").read_text())
        assert config["n"] == int(one["label"].partition(":t")[2])
    assert_nobody_ran_twice_at_once(crowd)
    assert crowd.engine.find(ours(crowd.folder)) == []
    assert left_in(crowd) == []
    assert words_of(crowd, "network", "ls", "--quiet") == networks
    assert mounts_of_engine(crowd) <= mounts


def assert_nobody_ran_twice_at_once(crowd: Crowd) -> None:
    """Every target ran, and none was begun while a container of it lived."""
    deadline = time.monotonic() + TOLD_WITHIN_S
    while time.monotonic() < deadline:
        told = crowd.events()
        begun = {one.container for one in told if one.what == "start"}
        if begun == {one.container for one in told if one.what == "die"}:
            break
        time.sleep(0.1)
    living: dict[str, str] = {}
    started: list[str] = []
    for one in told:
        if one.what == "start":
            assert one.target not in living, f"{one.target} was begun twice, {told_of(crowd, one.target)}"
            living[one.target] = one.container
            started.append(one.target)
        elif one.what == "die":
            # Of a container that never started there is nothing to forget.
            living = {target: container for target, container in living.items() if container != one.container}
    sys.stdout.write(f"{len(started)} containers ran for {len(crowd.labels)} targets\n")
    assert set(started) == crowd.labels
    assert living == {}, "".join(told_of(crowd, target) for target in living)


def told_of(crowd: Crowd, target: str) -> str:
    """The seed of this test, and all that the engine has told of a target, word for word."""
    return f"seed {crowd.seed}:\n{''.join(crowd.lines(target))}"


def refused_tasks(crowd: Crowd) -> list[str]:
    """The attempts that found another one of theirs; a later success does not make them good."""
    failed = FailedAttempts(crowd.folder / "store" / "runner" / "attempts").all()
    return [f"{one.label}, {told_of(crowd, one.label)}" for one in failed if one.exit_code in REFUSED]


def left_in(crowd: Crowd) -> list[Path]:
    """Files of jobs, stages of attempts, and files in memory that hold the secret."""
    store = crowd.folder / "store"
    left = [*(store / "runner" / "containers").glob("*"), *(store / "stage").glob("*")]
    for path in Path("/dev/shm").glob("traintrack-*/.variables"):
        with contextlib.suppress(OSError):
            if crowd.canary in path.read_text():
                left.append(path)
    return left


def words_of(crowd: Crowd, *words: str) -> set[str]:
    return set(str(crowd.engine._cli.must(*words)).split())  # type: ignore[attr-defined]


def mounts_of_engine(crowd: Crowd) -> int:
    """How many mounts there are below the engine's own folders."""
    place = crowd.environ.get("DOCKER_HOST", "").removeprefix("unix://") if crowd.engine.name == "docker" else None
    folder = str(Path(place or crowd.environ["CONTAINERS_CONF"]).parent)
    return sum(line.split()[1].startswith(f"{folder}/") for line in Path("/proc/self/mounts").read_text().splitlines())
