"""A shell in the container of a task: what stands there, and that nothing stays."""

from __future__ import annotations

import os
import pty
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from container_bench import make_bench, pushed
from msgspec.structs import replace

from traintrack.action.action import Secret
from traintrack.action.job import Job
from traintrack.ports.shell import LaidOut, LaysOut, ShellRequest
from traintrack.runners.container.engine import Engine
from traintrack.testing.runner_bench import Bench, Wanted, make_job


class Opened:
    """A bench whose runner lays out, and the variables that lead the engine's program to the tests' engine."""

    def __init__(self, bench: Bench, variables: Mapping[str, str], folder: Path) -> None:
        self.bench, self.variables, self.folder = bench, {**os.environ, **variables}, folder

    def lay_out(self, job: Job, line: str | None, partial: Path | None = None) -> LaidOut:
        assert isinstance(self.bench.runner, LaysOut)
        return self.bench.runner.lay_out(ShellRequest(job, partial, line))

    def say(self, laid_out: LaidOut) -> str:
        there = laid_out.surroundings
        done = subprocess.run(
            there.command, env=self.variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stages(self) -> list[str]:
        return os.listdir(self.folder / "store" / "stage")


@pytest.fixture(params=["docker", "podman"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, registry: str, shell_image: str) -> Opened:
    engine: Engine = request.getfixturevalue(f"{request.param}_engine")
    variables: Mapping[str, str] = request.getfixturevalue(f"{request.param}_variables")
    return Opened(make_bench(tmp_path, engine, pushed(engine, registry, shell_image)), variables, tmp_path)


def test_a_shell_has_the_surroundings_of_the_task(opened: Opened) -> None:
    bench = opened.bench
    job = make_job(
        bench.script('cat "$1"', config={"epochs": 3}, env={"MODE": "fast"}),
        {"data": Wanted(bench.artifact({"rows": "ten"}))},
    )
    line = 'pwd; cat src/task.sh "$CONFIG_YAML" /tt/in/data/rows; echo; id -u; echo "$MODE"; echo 1 > "$OUTPUT_DIRECTORY/x"; touch /tt/in/data/rows 2>&1 || true; set'

    laid_out = opened.lay_out(job, line)
    said = opened.say(laid_out)
    laid_out.remove()

    lines = said.splitlines()
    assert lines[0] == "/tt/work"
    assert '"epochs": 3' in said
    assert "ten" in lines
    assert "fast" in lines
    assert str(os.getuid()) in lines
    assert "cannot touch '/tt/in/data/rows'" in said
    assert any(word.startswith("TRAINTRACK_ID=") for word in lines)
    assert laid_out.surroundings.task == ("sh", "src/task.sh", "/tt/config.yaml", "/tt/out")
    assert opened.stages() == []


def test_secrets_come_as_for_the_task_and_stand_in_no_command(opened: Opened) -> None:
    action = opened.bench.script("true", secrets=(Secret("TOKEN", "TOKEN"), Secret("KEY", "KEY", as_file=True)))
    job = make_job(action, secrets={"TOKEN": "hush-hush", "KEY": "quiet"})

    laid_out = opened.lay_out(job, 'echo "$TOKEN"; cat "$KEY_FILE"')

    assert "hush-hush" not in " ".join(laid_out.surroundings.command)
    assert opened.say(laid_out) == "hush-hush\nquiet"
    laid_out.remove()


def test_what_an_attempt_had_written_is_there_to_be_read_and_its_checkpoint_is_a_copy(opened: Opened) -> None:
    job = make_job(opened.bench.script('echo 1 > "$2/half"; echo 2 > "$TRAINTRACK_CHECKPOINT_DIR/step"; exit 1'))
    state = opened.bench.run(job)
    again = replace(job, checkpoint=state.checkpoint)
    [partial] = (opened.folder / "store" / "runner" / "attempts").glob("*/out")

    for _ in range(2):
        line = 'cat "$PARTIAL_OUTPUT/half" "$TRAINTRACK_CHECKPOINT_DIR/step"; rm "$TRAINTRACK_CHECKPOINT_DIR/step"'
        laid_out = opened.lay_out(again, line, partial)
        assert opened.say(laid_out) == "1\n2\n"
        laid_out.remove()
    assert (partial / "half").read_text() == "1\n"


def test_a_container_that_still_runs_ends_with_the_shell(opened: Opened) -> None:
    laid_out = opened.lay_out(make_job(opened.bench.script("true")), "echo begun; sleep 600")
    with subprocess.Popen(laid_out.surroundings.command, env=opened.variables, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"begun\n"
        began = time.monotonic()

        laid_out.remove()

        assert client.wait(30) != 0
    assert time.monotonic() - began < 30
    assert opened.stages() == []


def test_a_person_can_type_into_it(opened: Opened) -> None:
    laid_out = opened.lay_out(make_job(opened.bench.script("true")), None)
    ours, theirs = pty.openpty()
    command = laid_out.surroundings.command
    with subprocess.Popen(command, env=opened.variables, stdin=theirs, stdout=theirs, stderr=theirs) as client:
        os.close(theirs)
        os.write(ours, b"echo still-$((1 + 1))-here; exit\n")
        seen = b""
        while b"still-2-here" not in seen:
            seen += os.read(ours, 4096)

        assert client.wait(30) == 0
    os.close(ours)
    laid_out.remove()
    assert opened.stages() == []
