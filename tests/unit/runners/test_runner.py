"""What only the process runner shows: real processes on this machine."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from traintrack.action.action import Deliver, Resources, Secret
from traintrack.action.failure import FailureClass
from traintrack.action.image import ContainerImage, PythonImage
from traintrack.action.job import Handle, JobPhase
from traintrack.errors import HostError
from traintrack.runners.contract.proc_table import Claim, living, started
from traintrack.runners.process.process_group import TaskProcess
from traintrack.testing.runner_bench import Bench, Wanted, make_job


def pids_of(bench: Bench, handle: Handle) -> list[int]:
    facts = json.loads(handle)
    names = living([Claim("TRAINTRACK_ATTEMPT", facts["marker"], (facts["stage"], facts["out"]))])
    return [name.pid for name in names.get(facts["marker"], [])]


def is_gone(pid: int) -> bool:
    return started(pid) is None


def python_task(bench: Bench, text: str, **fields):
    code = bench.code({"src": {"job.py": text}})
    return make_job(replace(bench.script(""), code=code, task="job", entrypoint=None, **fields))


def test_a_background_process_is_gone_before_the_output_is_listed(bench: Bench) -> None:
    script = '(while :; do date >> "$2/late"; sleep 0.01; done) & echo $! > "$2/pid"; sleep 0.05'

    state = bench.run(make_job(bench.script(script)))
    output = bench.output(state)

    assert state.failure is None
    assert is_gone(int(output["pid"]))
    assert "that the task left running had to be ended" in state.message


def test_a_daemon_in_a_session_of_its_own_is_gone_before_the_output_is_listed(bench: Bench) -> None:
    script = 'setsid sh -c \'echo $$ > "$1/pid.tmp"; mv "$1/pid.tmp" "$1/pid"; exec sleep 600\' sh "$2" & while ! test -f "$2/pid"; do sleep 0.01; done'

    output = bench.output(bench.run(make_job(bench.script(script))))

    assert is_gone(int(output["pid"]))


def test_a_daemon_that_emptied_its_environment_is_known_by_its_open_log(bench: Bench) -> None:
    script = 'cd /; env -i setsid sh -c \'echo $$ > "$1/pid.tmp"; mv "$1/pid.tmp" "$1/pid"; exec sleep 600\' sh "$2" & while ! test -f "$2/pid"; do sleep 0.01; done'

    output = bench.output(bench.run(make_job(bench.script(script))))

    assert is_gone(int(output["pid"]))


def test_a_timeout_ends_a_daemon_too_and_gives_time_to_write_a_checkpoint(bench: Bench) -> None:
    script = """
setsid sh -c 'exec sleep 600' &
trap 'echo saved > "$TRAINTRACK_CHECKPOINT_DIR/last"; exit 1' TERM
sleep 600 & echo started; wait
"""
    (handle,) = bench.runner.start([make_job(bench.script(script, timeout_s=0.4))])
    bench.await_log(handle, b"started")
    pids = pids_of(bench, handle)
    state = bench.finish(handle)

    assert state.failure is FailureClass.TIMEOUT
    assert state.checkpoint is not None
    assert state.checkpoint.endswith("/last")
    assert len(pids) >= 3
    assert all(is_gone(pid) for pid in pids)


def test_a_child_that_writes_its_checkpoint_outlives_its_shell_within_the_grace(bench: Bench) -> None:
    script = """
sh -c 'trap "sleep 0.2; echo saved > \\"$TRAINTRACK_CHECKPOINT_DIR/last\\"; exit" TERM; echo started; while :; do sleep 0.01; done' &
wait
"""
    (handle,) = bench.runner.start([make_job(bench.script(script))])
    bench.await_log(handle, b"started")
    bench.runner.stop([handle], grace_s=5)

    assert (bench.finish(handle).checkpoint or "").endswith("/last")


def test_a_task_that_ignores_the_request_is_killed_after_the_grace(bench: Bench) -> None:
    (handle,) = bench.runner.start([make_job(bench.script("trap '' TERM; echo started; while :; do sleep 0.05; done"))])
    bench.await_log(handle, b"started")
    pids = pids_of(bench, handle)
    bench.runner.stop([handle], grace_s=0.1)

    assert bench.finish(handle).failure is FailureClass.CANCELLED
    assert all(is_gone(pid) for pid in pids)


def test_a_job_that_is_stopped_at_once_never_starts_its_program(bench: Bench, tmp_path: Path) -> None:
    handles = bench.runner.start([make_job(bench.script("sleep 600")) for _ in range(5)])
    bench.runner.stop(handles, grace_s=5)

    assert {bench.finish(h).failure for h in handles} == {FailureClass.CANCELLED}


def test_nothing_is_left_but_the_output_and_the_log(bench: Bench, tmp_path: Path) -> None:
    state = bench.run(make_job(bench.script('mkdir -p a/b; chmod 0 a/b a; echo log; echo > "$2/x"')))
    failed = bench.run(make_job(bench.script("exit 1")))
    assert state.output is not None

    bench.runner.close()
    stages = {str(path) for path in (tmp_path / "store" / "stage").iterdir()}

    assert stages == {state.output.staged}
    assert failed.log is None or bench.ledger.log(failed.log) is not None
    assert list((tmp_path / "runner" / "jobs").iterdir()) == []
    assert list((tmp_path / "runner" / "checkpoints").iterdir()) == []


LOOK = """cd ..; find . -exec stat -c '%n %F %a %u %g' {} + | grep -v '^./log ' | sort > "$2/look"
cat "$1" "$OLDPWD/src/task.sh" > "$2/texts"; find "$TRAINTRACK_CHECKPOINT_DIR" | wc -l > "$2/checkpoints"
"""
MESS = """
echo x > here; echo x > "$HOME/x"; mkdir -p "$TMPDIR/a/b" ../other "$XDG_CACHE_HOME"; echo x > "$TRAINTRACK_CHECKPOINT_DIR/c"
chmod u+w src/task.sh "$1" ..; echo : >> src/task.sh; echo x >> "$1"; ln "$1" "$2/linked"; mv src/task.sh "$2/moved"
"""


@pytest.mark.parametrize(
    "more",
    [
        "",
        'chmod 0 "$HOME"',
        "rm -rf ../work",
        'rm -r "$XDG_CACHE_HOME"; mv "$HOME" "$2/home"',
        "ln -s / ../in/x; exit 1",
    ],
)
def test_a_job_cannot_tell_that_another_ran_before_it(bench: Bench, tmp_path: Path, make_runner, more: str) -> None:
    looking = make_job(bench.script(LOOK))
    first = bench.output(bench.run(looking))
    spoiled = bench.run(make_job(bench.script(MESS + more)))
    kept = {} if spoiled.output is None else bench.output(spoiled)
    second = bench.output(bench.run(replace(looking, flight="another")))
    third = bench.output(bench.run(replace(looking, flight="third")))

    assert first["checkpoints"].strip() == "1"
    assert first == second == third
    assert kept.get("linked", "x\n").endswith("x\n")


def test_a_task_that_says_nothing_has_no_log(bench: Bench) -> None:
    silent, talking = bench.run(make_job(bench.script('echo > "$2/x"'))), bench.run(make_job(bench.script("echo x")))

    assert silent.log is None
    assert talking.log is not None
    assert bench.runner.logs(Handle("gone"), 0) == b""


def test_the_stages_go_when_nobody_has_the_runner_any_more(make_runner, tmp_path: Path) -> None:
    bench = make_runner()
    bench.run(make_job(bench.script("exit 1")))
    kept = len(list((tmp_path / "store" / "stage").iterdir()))
    del bench
    gc.collect()

    assert kept == 1
    assert list((tmp_path / "store" / "stage").iterdir()) == []


def test_a_stage_in_which_something_may_live_on_is_not_used_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(task: TaskProcess, deadline: float | None) -> int:
        task.reap()
        raise HostError("process 1 of the task cannot be killed", code="process-stuck", hint="wait")

    with monkeypatch.context() as patch:
        patch.setattr(TaskProcess, "clear", stuck)
        state = bench.run(make_job(bench.script('echo > "$2/x"')))

    assert state.failure is FailureClass.PLATFORM
    assert list((tmp_path / "store" / "stage").iterdir()) == []


def test_a_killed_task_is_told_in_words(bench: Bench) -> None:
    state = bench.run(make_job(bench.script("kill -KILL $$")))

    assert state.failure is FailureClass.TASK
    assert state.exit_code == -signal.SIGKILL
    assert "out-of-memory" in state.message
    assert state.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/no/such/interpreter\n", "interpreter"),
        ("not a program", "not executable"),
        ("#!/dev/null\n", "not executable"),
    ],
)
def test_a_program_that_cannot_be_executed_is_the_images_fault(bench: Bench, text: str, words: str) -> None:
    code = bench.code({"bin": {"tool": text}})

    state = bench.run(make_job(bench.script("", code=code, entrypoint=("bin/tool",))))

    assert state.failure is FailureClass.IMAGE
    assert words in state.message
    assert state.hint


def test_a_python_task_imports_from_its_paths_in_their_order(bench: Bench) -> None:
    job = "import sys, which; open(sys.argv[2] + '/x', 'w').write(which.NAME)"
    code = bench.code(
        {"first": {"which.py": "NAME = 'first'"}, "second": {"which.py": "NAME = 'second'", "job.py": job}}
    )
    action = replace(bench.script(""), code=code, task="job", entrypoint=None)

    assert bench.output(bench.run(make_job(action))) == {"x": "first"}


def test_a_module_outside_of_paths_is_missing_and_named(bench: Bench) -> None:
    bench.code({"lib": {"helper.py": ""}})

    state = bench.run(python_task(bench, "import helper.deep"))

    assert (state.failure, state.missing_module) == (FailureClass.TASK, "helper")
    assert "`helper`" in (state.hint or "")


def test_the_word_python_is_the_environments_interpreter(bench: Bench, env_cache: Path) -> None:
    text = "import sys; open(sys.argv[2] + '/prefix', 'w').write(sys.prefix)"
    code = bench.code({"src": {"job.py": text}})
    action = replace(bench.script(""), code=code, task="src/job.py", entrypoint=("python",))

    prefix = bench.output(bench.run(make_job(action)))["prefix"]

    assert prefix.startswith(str(env_cache))


def test_no_device_is_seen_but_those_granted(bench: Bench) -> None:
    action = bench.script('echo "[$CUDA_VISIBLE_DEVICES]" > "$2/x"')

    none = bench.output(bench.run(make_job(action)))
    two = bench.output(bench.run(make_job(action, gpus=(0, 3), resources=Resources(gpu=2))))

    assert (none, two) == ({"x": "[]\n"}, {"x": "[0,3]\n"})


def test_an_input_delivered_as_uri_is_a_file_url(bench: Bench) -> None:
    data = bench.artifact({"x.txt": "x"})
    state = bench.run(make_job(bench.script('cp "$1" "$2/c"'), {"data": Wanted(data, deliver=Deliver.URI)}))

    assert json.loads(bench.output(state)["c"])["data"].startswith("file:///")


def test_progress_is_told_while_the_task_runs(bench: Bench) -> None:
    script = """echo '{"step": 3, "total": 10, "message": "epoch"}' > "$2/progress.json"; sleep 600"""
    (handle,) = bench.runner.start([make_job(bench.script(script))])
    deadline = time.monotonic() + 20
    told = None
    while told is None and time.monotonic() < deadline:
        state = bench.runner.poll([handle], 5).get(handle)
        told = state.progress if state else None
    bench.runner.stop([handle], 5)

    assert told == "3/10 epoch"


def test_a_long_log_is_read_from_an_offset_while_and_after_it_grows(bench: Bench) -> None:
    (handle,) = bench.runner.start([make_job(bench.script('echo one; echo two; sleep 0.1; echo > "$2/x"'))])
    bench.await_log(handle, b"two")
    growing = bench.runner.logs(handle, 4)
    bench.finish(handle)

    assert growing == b"two\n"
    assert bench.runner.logs(handle, 4) == b"two\n"
    assert bench.runner.logs(handle, 99) == b""


def test_container_images_other_platforms_and_missing_secrets_are_refused_early(make_runner) -> None:
    bench = make_runner(secret_sources={"GIVEN"})
    good = bench.script("", secrets=(Secret("A", "GIVEN"),))
    container = replace(good, image=ContainerImage("x:1", "sha256:0"))
    foreign = replace(good, platform="plan9/mips")
    secret = replace(good, secrets=(Secret("A", "NOT_GIVEN"),))

    found = bench.runner.refuse([good, container, foreign, secret])

    assert [error.code for error in found] == ["no-container-runner", "other-platform", "secret-missing"]
    assert all(error.hint for error in found)


def test_uv_that_is_missing_is_told_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    assert [error.code for error in bench.runner.refuse([bench.script(""), bench.script("")])] == ["uv-missing"]


def test_code_that_is_not_in_the_storage_fails_with_a_hint(bench: Bench) -> None:
    state = bench.run(make_job(bench.script("", code={"src": "0" * 40})))

    assert state.failure is FailureClass.PLATFORM
    assert "`src`" in state.message
    assert state.hint


def test_a_secret_without_a_value_fails_the_attempt_by_name(bench: Bench) -> None:
    state = bench.run(make_job(bench.script("", secrets=(Secret("TOKEN", "TOKEN"),))))

    assert "`TOKEN`" in state.message


def test_a_disk_that_is_full_at_staging_is_the_platforms_fault(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/stage/work")

    monkeypatch.setattr("traintrack.runners.contract.code_folder._write_new", full)
    state = bench.run(make_job(bench.script("")))

    assert (state.failure, state.message) == (FailureClass.PLATFORM, "no space left on device at `/stage/work`")
    assert state.hint


ORPHAN = """
import os, sys, threading, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from bench_maker import make_bench
from traintrack.testing.runner_bench import make_job
bench = make_bench(Path({folder!r}), Path({env_cache!r}))
job = make_job(bench.script({script!r}), flight="lost")
(handle,) = bench.runner.start([job])
bench.await_log(handle, b"started")
print(handle, flush=True)
os.kill(os.getpid(), 9)
"""


def lost_job(tmp_path: Path, env_cache: Path, script: str) -> Handle:
    tests = str(Path(__file__).parent)
    text = ORPHAN.format(tests=tests, folder=str(tmp_path), env_cache=str(env_cache), script=script)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    return Handle(done.stdout.strip())


def test_a_job_of_a_dead_runner_is_found_and_stopped_and_its_checkpoint_saved(
    bench: Bench, tmp_path: Path, env_cache: Path
) -> None:
    script = """
trap 'echo saved > "$TRAINTRACK_CHECKPOINT_DIR/last"; exit' TERM
setsid sh -c 'echo started; exec sleep 600' & wait
"""
    handle = lost_job(tmp_path, env_cache, script)
    pids = pids_of(bench, handle)
    found = bench.runner.find(["lost"])
    running = bench.runner.poll([handle], 0)[handle].phase
    bench.runner.stop([handle], grace_s=5)
    bench.runner.stop([handle], grace_s=5)

    assert found == {"lost": handle}
    assert running is JobPhase.RUNNING
    assert len(pids) >= 2
    assert all(is_gone(pid) for pid in pids)
    assert bench.runner.find(["lost"]) == {}
    assert bench.runner.poll([handle], 0)[handle].phase is JobPhase.GONE
    assert not os.path.exists(json.loads(handle)["stage"])
    assert (bench.runner.find_checkpoint("lost") or "").endswith("/last")


def test_a_recycled_process_number_is_never_killed(bench: Bench, tmp_path: Path, env_cache: Path) -> None:
    handle = lost_job(tmp_path, env_cache, "echo started; exec sleep 600")
    (victim,) = pids_of(bench, handle)
    innocent = subprocess.Popen(["sleep", "600"], start_new_session=True)
    (file,) = (tmp_path / "runner" / "jobs").iterdir()
    first = file.read_text().splitlines()[0]
    recycled = {"pid": innocent.pid, "started": started(victim)}
    file.write_text(f"{first}\n{json.dumps(recycled)}\n")
    bench.runner.stop([handle], grace_s=0)
    spared = innocent.poll() is None
    innocent.kill()
    innocent.wait()

    assert spared
    assert is_gone(victim)


def test_a_handle_of_another_boot_ends_nothing(bench: Bench, tmp_path: Path, env_cache: Path) -> None:
    handle = lost_job(tmp_path, env_cache, "echo started; exec sleep 600")
    (pid,) = pids_of(bench, handle)
    rebooted = Handle(json.dumps(json.loads(handle) | {"boot_id": "another", "stage": "/nonexistent"}))

    assert bench.runner.poll([rebooted], 0)[rebooted].phase is JobPhase.GONE

    bench.runner.stop([rebooted], grace_s=0)

    assert not is_gone(pid)

    os.kill(pid, signal.SIGKILL)


def test_jobs_of_which_one_cannot_be_noted_leave_nothing(bench: Bench, tmp_path: Path) -> None:
    good, bad = make_job(bench.script("")), make_job(bench.script(""), flight="é" * 60)
    real = bench.staging.new_stage
    bench.runner._world.staging.new_stage = lambda name: real(
        name.replace("é", "e")
    )  # quoted it is too long a file name
    (tmp_path / "runner" / "jobs").mkdir(parents=True)

    with pytest.raises(HostError, match="cannot note a job"):
        bench.runner.start([good, bad])

    assert bench.runner.find([good.flight]) == {}
    assert list((tmp_path / "runner" / "jobs").iterdir()) == []
    assert list((tmp_path / "store" / "stage").iterdir()) == []


def test_text_that_is_no_handle_is_gone_and_stopping_it_harmless(bench: Bench) -> None:
    handle = Handle("not json")
    bench.runner.stop([handle], grace_s=0)

    assert bench.runner.poll([handle], 0)[handle].phase is JobPhase.GONE
    assert bench.runner.logs(handle, 0) == b""


def test_many_jobs_at_once_each_end_with_their_own_output(bench: Bench) -> None:
    actions = [bench.script(f'echo {i} > "$2/x"') for i in range(20)]
    waiting = dict(zip(bench.runner.start([make_job(a) for a in actions]), range(20), strict=True))
    outputs = {}
    while waiting:
        for handle, state in bench.runner.poll(list(waiting), 10).items():
            if state.phase is JobPhase.FINISHED:
                outputs[waiting.pop(handle)] = bench.output(state)

    assert outputs == {i: {"x": f"{i}\n"} for i in range(20)}


def test_poll_returns_as_soon_as_something_changes(bench: Bench) -> None:
    (handle,) = bench.runner.start([make_job(bench.script('sleep 0.1; echo > "$2/x"'))])
    began = time.monotonic()
    bench.finish(handle)

    assert time.monotonic() - began < 10


def test_an_environment_that_cannot_be_made_tells_uvs_last_lines(make_runner) -> None:
    bench = make_runner()
    bench.kept.put_named("lock/" + "0" * 64, b"no such thing at all ===\n")
    image = PythonImage("3.11", "requirements.lock", "0" * 64)

    state = bench.run(make_job(bench.script("", image=image)))

    assert state.failure is FailureClass.IMAGE
    assert "`requirements.lock`" in state.message
    assert state.log_tail
    assert state.hint


def test_a_stop_ends_the_wait_for_an_environment(bench: Bench, tmp_path: Path, make_runner) -> None:
    import fcntl

    from traintrack.runners.process.python_env import environment_key

    bench.kept.put_named("lock/" + "1" * 64, b"")
    image = PythonImage("3.11", "requirements.lock", "1" * 64)
    waiting = make_runner(env_cache=tmp_path / "envs")
    (tmp_path / "envs").mkdir()
    threads = threading.active_count()
    with open(tmp_path / "envs" / f"{environment_key(image)}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (handle,) = waiting.runner.start([make_job(waiting.script("", image=image))])
        waiting.runner.stop([handle], grace_s=1)

    assert waiting.finish(handle).failure is FailureClass.CANCELLED
    assert threading.active_count() <= threads + 4
