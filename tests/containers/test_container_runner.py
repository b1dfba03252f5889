"""Containers that outlive their client, endings told apart, secrets that show nowhere: on docker and on podman."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from container_bench import make_bench, ours, pushed
from msgspec.structs import replace

from traintrack.action.action import Resources, Secret
from traintrack.action.failure import FailureClass
from traintrack.action.image import ContainerImage
from traintrack.action.job import Handle, Job, JobPhase
from traintrack.runners.container.engine import Build, Engine, Inspected, Status
from traintrack.runners.container.runner import ContainerRunner
from traintrack.runners.contract.secret_files import secret_folder
from traintrack.runners.contract.stored_job import job_text
from traintrack.storages.local import open_local
from traintrack.testing.runner_bench import ENDS_WITHIN_S, Bench, Wanted, make_job

CLIENT = Path(__file__).with_name("container_client.py")
WAITS = 'echo "began $TOKEN"; while test ! -e "$TMPDIR/go"; do sleep 0.05; done; '
SECRETS = (Secret("TOKEN", "TOKEN"), Secret("KEY", "KEY", as_file=True))
VALUES = {"TOKEN": "it's $HOME `a`\n\"token\\", "KEY": "pem-of-mine"}


@pytest.fixture
def image(engine: Engine, registry: str, shell_image: str) -> ContainerImage:
    return pushed(engine, registry, shell_image)


@pytest.fixture
def bench(tmp_path: Path, engine: Engine, image: ContainerImage) -> Iterator[Bench]:
    """A bench of whose jobs nothing may be left after the test."""
    bench = make_bench(tmp_path, engine, image)
    yield bench
    assert engine.find(ours(tmp_path)) == []
    assert not list((tmp_path / "store" / "runner" / "containers").glob("*"))
    runner_of(bench).close()
    left = [path.name for path in (tmp_path / "store" / "stage").iterdir() if ".out" not in path.name]
    assert left == []


@pytest.fixture
def client(request: pytest.FixtureRequest, tmp_path: Path, engine: Engine, bench: Bench) -> Iterator[Client]:
    """Another process with a runner over the same storage, not started yet."""
    variables: Mapping[str, str] = request.getfixturevalue(f"{engine.name}_variables")
    made = Client(tmp_path, engine.name, variables)
    yield made
    made.kill()


class Client:
    """Another process that starts a job and can be killed."""

    def __init__(self, folder: Path, engine: str, variables: Mapping[str, str]) -> None:
        self._folder, self._engine, self._variables = folder, engine, variables
        self._process: subprocess.Popen[str] | None = None

    def start(self, job: Job) -> Handle:
        """Start a job whose first word is `began`, and return its handle once that is said."""
        self.begin(job, {})
        assert self._process is not None
        assert self._process.stdout is not None
        handle = self._process.stdout.readline().strip()
        assert handle, "the client has ended"
        return Handle(handle)

    def begin(self, job: Job, variables: Mapping[str, str]) -> None:
        """Start a job and wait for nothing; `variables` are added to the environment."""
        (self._folder / "job.json").write_bytes(job_text(job))
        (self._folder / "secrets.json").write_text(json.dumps(dict(job.secrets)))
        words = [sys.executable, str(CLIENT), str(self._folder), self._engine]
        environment = {**os.environ, **self._variables, **variables}
        self._process = subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
        )

    def kill(self) -> None:
        """Kill it with all that stands in its process group."""
        if self._process is not None and self._process.stdout is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process.stdout.close()
            self._process = None


class SlowProgram:
    """The engine's program, which waits to be let go before it runs a task; `folder` is to stand first in PATH."""

    def __init__(self, folder: Path, engine: str) -> None:
        self.folder, self._asked, self._free = folder, folder / "asked", folder / "free"
        folder.mkdir()
        waits = f'case " $* " in *traintrack.marker=*) touch {self._asked}; until test -e {self._free}; do sleep 0.02; done;; esac'
        (folder / engine).write_text(f'#!/bin/sh\n{waits}\nexec {shutil.which(engine)} "$@"\n')
        (folder / engine).chmod(0o755)

    @property
    def path(self) -> dict[str, str]:
        """What leads a client to it."""
        return {"PATH": f"{self.folder}:{os.environ['PATH']}"}

    def await_asked(self) -> None:
        """Wait until it is to run a container."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while not self._asked.exists():
            assert time.monotonic() < deadline, "no container was asked for"
            time.sleep(0.01)

    def let_go(self) -> None:
        """Let it make the container."""
        self._free.touch()


def runner_of(bench: Bench) -> ContainerRunner:
    assert isinstance(bench.runner, ContainerRunner)
    return bench.runner


def let_go(handle: Handle) -> None:
    (Path(json.loads(handle)["stage"]) / "temporary" / "go").touch()


def text_of(bench: Bench, key: str | None) -> str:
    path = bench.ledger.log(key or "")
    assert path is not None
    return path.read_text()


def test_a_killed_client_loses_nothing(bench: Bench, client: Client) -> None:
    job = make_job(bench.script(WAITS + 'echo result > "$2/x"; echo end', secrets=SECRETS), secrets=VALUES)
    handle = client.start(job)
    client.kill()

    adopted = runner_of(bench).adopt(job.flight)
    assert adopted is not None
    bench.await_log(handle, b"began")
    let_go(handle)
    state = bench.finish(handle)

    assert not Path(secret_folder(json.loads(handle)["container"])).exists()
    assert (adopted.handle, adopted.attempt) == (handle, 1)
    assert bench.output(state) == {"x": "result\n"}
    assert state.image == bench.image.digest  # type: ignore[union-attr]
    assert text_of(bench, state.log) == f"began {'*' * len(VALUES['TOKEN'])}\nend\n"
    assert state.timings.task_s > 0


def test_a_container_that_ended_while_nobody_watched_is_collected(
    bench: Bench, client: Client, engine: Engine, tmp_path: Path
) -> None:
    job = make_job(bench.script(WAITS + 'echo result > "$2/x"'))
    handle = client.start(job)
    client.kill()
    let_go(handle)
    container = engine.find(ours(tmp_path))[0].id
    assert engine.wait(container, 30)

    found = bench.runner.find([job.flight])
    assert runner_of(bench).adopt(job.flight) is not None

    assert found == {job.flight: handle}
    assert bench.output(bench.finish(handle)) == {"x": "result\n"}


def test_an_adopted_job_is_stopped_with_its_checkpoint(bench: Bench, client: Client) -> None:
    job = make_job(bench.script('echo 7 > "$TRAINTRACK_CHECKPOINT_DIR/epoch-7"; ' + WAITS))
    handle = client.start(job)
    client.kill()
    runner_of(bench).adopt(job.flight)

    bench.runner.stop([handle], 5.0)
    state = bench.finish(handle)

    assert state.failure is FailureClass.CANCELLED
    assert bench.runner.find_checkpoint(job.flight) == state.checkpoint is not None


def test_an_adopted_job_runs_out_of_the_time_that_it_was_given(bench: Bench, client: Client) -> None:
    job = make_job(bench.script(WAITS, timeout_s=1.0))
    handle = client.start(job)
    client.kill()
    runner_of(bench).adopt(job.flight)

    assert bench.finish(handle).failure is FailureClass.TIMEOUT


def test_nobody_adopts_a_job_whose_client_lives_and_its_log_is_masked_for_all(
    bench: Bench, client: Client, tmp_path: Path
) -> None:
    job = make_job(bench.script(WAITS, secrets=SECRETS), secrets=VALUES)
    handle = client.start(job)

    assert runner_of(bench).adopt(job.flight) is None
    assert runner_of(bench).abandoned() == {}
    assert bench.runner.find([job.flight]) == {job.flight: handle}
    assert bench.runner.poll([handle], 0.5)[handle].phase is JobPhase.RUNNING
    assert bench.runner.logs(handle, 0).startswith(b"began *****")

    bench.runner.stop([handle], 1.0)
    assert bench.runner.find([job.flight]) == {}
    client.kill()
    # The client has kept the stage for its next job, and was killed.
    open_local(tmp_path / "store").sweep()


def test_a_dead_clients_job_is_ended_where_nobody_adopts_it(bench: Bench, client: Client) -> None:
    job = make_job(bench.script('echo 7 > "$TRAINTRACK_CHECKPOINT_DIR/epoch-7"; ' + WAITS))
    handle = client.start(job)
    client.kill()

    assert list(runner_of(bench).abandoned().values()) == [(job.action.id, job.flight)]
    bench.runner.stop([handle], 1.0)

    assert bench.runner.find_checkpoint(job.flight) is not None
    assert bench.runner.poll([handle], 0.1)[handle].phase is JobPhase.GONE
    runner_of(bench)._checkpoints.drop(job.flight)


def test_the_next_attempt_of_a_flight_ends_what_a_dead_client_left(bench: Bench, client: Client) -> None:
    job = make_job(bench.script(WAITS))
    client.start(job)
    client.kill()

    again = replace(job, attempt=2, action=bench.script('echo second > "$2/x"'))

    assert bench.output(bench.run(again)) == {"x": "second\n"}


def test_a_container_that_a_dead_client_was_about_to_have_made_never_runs_beside_the_next_attempt(
    bench: Bench, client: Client, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(bench.script(WAITS))
    slow = SlowProgram(tmp_path / "slow", engine.name)
    client.begin(job, slow.path)
    slow.await_asked()
    client.kill()
    find = engine.find

    def find_just_before_it_runs(labels: Mapping[str, str]) -> Sequence[Inspected]:
        """The worst moment: nothing is there when the engine is asked, and it runs when the answer is read."""
        found = find(labels)
        slow.let_go()
        deadline = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < deadline and not any(one.started for one in find(labels)):
            time.sleep(0.02)
        return found

    monkeypatch.setattr(engine, "find", find_just_before_it_runs)
    threading.Timer(1.0, slow.let_go).start()

    again = replace(job, attempt=2, action=bench.script('echo second > "$2/x"'))
    (handle,) = bench.runner.start([again])
    living = [one.labels["traintrack.attempt"] for one in find(ours(tmp_path))]

    assert bench.output(bench.finish(handle)) == {"x": "second\n"}
    assert "1" not in living


def test_the_value_of_a_secret_shows_nowhere(bench: Bench, engine: Engine, tmp_path: Path) -> None:
    action = bench.script(WAITS + 'printf %s "$TOKEN" > "$2/token"; cp "$KEY_FILE" "$2/key"', secrets=SECRETS)
    (handle,) = bench.runner.start([make_job(action, secrets=VALUES)])
    bench.await_log(handle, b"began")
    (found,) = engine.find(ours(tmp_path))
    inspected = _engine_says(engine, "inspect", found.id)
    listed = subprocess.run(["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=True).stdout
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "log")

    let_go(handle)
    state = bench.finish(handle)

    assert not Path(secret_folder(json.loads(handle)["container"])).exists()
    assert bench.output(state) == {"token": VALUES["TOKEN"], "key": VALUES["KEY"]}
    for value in ('"token\\', "pem-of-mine"):
        assert value not in inspected
        assert json.dumps(value)[1:-1] not in inspected
        assert value not in listed
        assert value.encode() not in files
        assert value not in f"{handle}{state}{text_of(bench, state.log)}"


def test_a_variable_needs_a_shell_and_a_file_does_not(
    bench: Bench, engine: Engine, registry: str, minimal_image: str
) -> None:
    minimal = pushed(engine, registry, minimal_image)
    variable = replace(bench.script("", secrets=SECRETS[:1]), image=minimal, entrypoint=("/bin/busybox",), task="true")
    as_file = replace(variable, secrets=SECRETS[1:], entrypoint=("/bin/busybox", "cp"), task="/tt/secrets/KEY")

    refused = bench.run(make_job(variable, secrets=VALUES))
    copied = bench.run(make_job(as_file, secrets=VALUES))

    assert refused.failure is FailureClass.IMAGE
    assert "`sh`" in refused.message
    assert "file" in (refused.hint or "")
    # `cp KEY CONFIG OUT` copies both into OUT.
    assert bench.output(copied)["KEY"] == "pem-of-mine"


def test_a_missing_command_is_the_images_fault_with_and_without_a_shell(bench: Bench) -> None:
    action = bench.script("", entrypoint=("no-such-program",))

    states = [bench.run(make_job(replace(action, secrets=s), secrets=VALUES)) for s in ((), SECRETS)]

    assert [s.failure for s in states] == [FailureClass.IMAGE, FailureClass.IMAGE]
    assert all("`no-such-program`" in s.message for s in states)


def test_what_cannot_be_executed_is_told_apart_from_the_tasks_own_126(bench: Bench) -> None:
    own = bench.run(make_job(bench.script("exit 126")))
    code = bench.run(make_job(bench.script("echo", entrypoint=("src/task.sh",))))

    assert (own.failure, own.exit_code) == (FailureClass.TASK, 126)
    assert code.failure is FailureClass.IMAGE
    assert "is not executable" in code.message


def test_an_image_that_nobody_has_is_the_images_fault(bench: Bench, registry: str) -> None:
    nowhere = ContainerImage(f"{registry}/no/such:1", f"sha256:{'0' * 64}")

    state = bench.run(make_job(replace(bench.script(""), image=nowhere)))

    assert state.failure is FailureClass.IMAGE
    assert state.hint


def test_a_container_that_somebody_removes_is_lost(bench: Bench, engine: Engine, tmp_path: Path) -> None:
    (handle,) = bench.runner.start([make_job(bench.script(WAITS))])
    bench.await_log(handle, b"began")

    engine.remove([engine.find(ours(tmp_path))[0].id])

    state = bench.finish(handle)
    assert state.failure is FailureClass.LOST, state


def test_a_task_killed_from_outside_is_told_so(bench: Bench, engine: Engine, tmp_path: Path) -> None:
    (handle,) = bench.runner.start([make_job(bench.script("trap '' TERM; " + WAITS))])
    bench.await_log(handle, b"began")

    engine.stop([engine.find(ours(tmp_path))[0].id], 0)

    state = bench.finish(handle)
    assert state.failure is FailureClass.TASK
    assert "SIGKILL" in state.message


def test_a_job_stopped_before_its_container_began_never_begins(bench: Bench, engine: Engine) -> None:
    job = make_job(bench.script('echo > "$2/x"; sleep 600'))
    (handle,) = bench.runner.start([job])

    bench.runner.stop([handle], 0.5)

    assert bench.finish(handle).failure is FailureClass.CANCELLED


def test_a_task_that_fills_the_disk_is_ended(bench: Bench) -> None:
    action = bench.script('head -c 30000000 /dev/zero > "$TMPDIR/big"; echo began; sleep 600')

    state = bench.run(make_job(action, resources=Resources(disk_bytes=10 << 20)))

    assert state.failure is FailureClass.TASK
    assert "disk" in state.message
    assert "disk" in state.isolation.checked


def test_what_an_image_loosens_is_loosened_and_recorded(
    bench: Bench, engine: Engine, tmp_path: Path, registry: str
) -> None:
    folder = tmp_path / "image"
    (folder / "root" / "etc").mkdir(parents=True)
    (folder / "root" / "etc" / "passwd").write_text("app:x:1234:1235:app:/app:/bin/sh\n")
    (folder / "root" / "scratch").mkdir()
    (folder / "root" / "scratch").chmod(0o777)
    base = bench.image
    assert isinstance(base, ContainerImage)
    whole = f"{base.ref.rpartition(':')[0]}@{base.digest}"
    (folder / "Dockerfile").write_text(f"FROM {whole}\nCOPY root/ /\nUSER app\n")
    engine.build(Build(folder, "Dockerfile", "localhost/tt-loosened:1"), tmp_path / "build.log")
    loosened = pushed(engine, registry, "localhost/tt-loosened:1")
    script = 'id -u > "$2/id"; echo "$USER" >> "$2/id"; echo > /scratch/x && echo wrote >> "$2/id"; echo > "$HOME/x"; cat "$KEY_FILE" >> "$2/id"'
    action = replace(bench.script(script, secrets=SECRETS), image=loosened)
    wide = replace(action, isolation={"user": "image", "root": "writable"})

    strict, loose = (bench.run(make_job(one, secrets=VALUES)) for one in (action, wide))

    assert bench.output(strict)["id"] == "0\nroot\npem-of-mine"
    assert bench.output(loose)["id"] == "1234\napp\nwrote\npem-of-mine"
    assert {"user", "root file system"} <= set(strict.isolation.enforced)
    assert {"user", "root file system"} <= set(loose.isolation.missing)
    folder = bench.artifacts.path(bench.artifacts.publish(loose.output).artifact) if loose.output else Path()
    assert not loose.output or folder.stat().st_uid == os.geteuid()


def test_containers_of_one_storage_are_not_those_of_another(
    bench: Bench, engine: Engine, image: ContainerImage, tmp_path: Path
) -> None:
    other = make_bench(tmp_path / "other", engine, image)
    job = make_job(bench.script(WAITS))
    (handle,) = bench.runner.start([job])
    bench.await_log(handle, b"began")

    assert other.runner.find([job.flight]) == {}
    other.runner.stop([handle], 0.0)
    assert engine.find(ours(tmp_path))[0].status is Status.RUNNING

    bench.runner.stop([handle], 1.0)


def test_an_input_file_stands_at_its_path_in_every_container(bench: Bench) -> None:
    data = bench.artifact({"a/x.txt": "x"})

    state = bench.run(make_job(bench.script('cp "$1" "$2/config"'), {"a b": Wanted(data, "a/x.txt")}))

    assert json.loads(bench.output(state)["config"])["a b"] == "/tt/in/a%20b"


def _engine_says(engine: Engine, *words: str) -> str:
    said = engine._cli.ask(*words)  # type: ignore[attr-defined]
    return str(said.out)
