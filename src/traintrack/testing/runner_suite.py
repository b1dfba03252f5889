# ruff: noqa: D102 (the name of a test says what it shows)
"""What every runner must show, as tests over real tasks (docs/reference/task-contract.md).

A runner's own test subclasses `RunnerSuite` and says how to make a `Bench`. The tasks are shell scripts, so that
every image with a POSIX `sh` will do. What a runner declares as enforced, checked or missing is what is tested.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from msgspec.structs import replace

from traintrack.action.action import Deliver, Provenance, Resources, Secret
from traintrack.action.failure import FailureClass
from traintrack.testing.runner_bench import Bench, Wanted, make_fan_in, make_job


class RunnerSuite:
    """The tests. A subclass gives `make_bench`; pytest finds the rest."""

    def make_bench(self, folder: Path) -> Bench:
        """Return a runner over a fresh storage in `folder`."""
        raise NotImplementedError

    def test_a_task_is_called_with_its_config_and_an_empty_writable_output_folder(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        script = 'test $# = 2 && test -f "$1" && test -z "$(ls -A "$2")" && echo done > "$2/result"'

        state = bench.run(make_job(bench.script(script)))

        assert (state.failure, state.exit_code) == (None, 0), state
        assert bench.output(state) == {"result": "done\n"}

    def test_the_config_is_json_with_sorted_keys_and_the_path_of_each_input(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        data = bench.artifact({"train/x.txt": "1"})
        action = bench.script('cp "$1" "$2/config"', config={"lr": 1e-05, "data": None, "b c": ["ä", True]})

        config = bench.output(bench.run(make_job(action, {"data": Wanted(data)})))["config"]

        assert json.loads(config)["data"].endswith("/in/data")
        assert '"lr": 1.0e-05' in config
        assert list(json.loads(config)) == ["b c", "data", "lr"]

    def test_an_input_is_a_folder_and_a_part_of_one_is_that_file(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        data = bench.artifact({"a/x.txt": "x", "y.txt": "y"})
        script = """
path() { sed -n "s/.*\\"$1\\": \\"\\(.*\\)\\".*/\\1/p" "$config"; }
config=$1; cat "$(path whole)/a/x.txt" "$(path part)" "$(path folder)/x.txt" > "$2/read"
"""
        inputs = {"whole": Wanted(data), "part": Wanted(data, "y.txt"), "folder": Wanted(data, "a")}

        state = bench.run(make_job(bench.script(script), inputs))

        assert bench.output(state) == {"read": "xyx"}

    def test_the_code_is_read_only_and_the_current_folder_writable(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        script = 'echo scratch > here && ls -l src/task.sh | cut -c1-10 > "$2/mode" && ls > "$2/here"'

        output = bench.output(bench.run(make_job(bench.script(script))))

        assert output == {"mode": "-r--r--r--\n", "here": "here\nsrc\n"}

    def test_a_task_sees_its_paths_and_nothing_else_of_the_repository(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        bench.code({"other": {"secret.txt": "not asked for"}})

        state = bench.run(make_job(bench.script('ls -AR . > "$2/seen"')))

        assert bench.output(state) == {"seen": ".:\nsrc\n\n./src:\ntask.sh\n"}

    def test_nothing_of_the_callers_environment_is_inherited(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        action = bench.script('env > "$2/env"', env={"MODE": "fast"}, secrets=(Secret("TOKEN", "TOKEN"),))

        text = bench.output(bench.run(make_job(action, secrets={"TOKEN": "s3cret"})))["env"]

        variables = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        # The shell itself adds the last ones, podman `container` and `TERM`.
        allowed = {"MODE", "TOKEN", "PATH", "LANG", "TZ", "HOME", "TMPDIR", "XDG_CACHE_HOME", "USER", "LOGNAME"}
        allowed |= {
            "CUDA_VISIBLE_DEVICES",
            "PYTHONPATH",
            "PWD",
            "SHLVL",
            "_",
            "OLDPWD",
            "HOSTNAME",
            "container",
            "TERM",
        }
        others = {v for v in variables if not v.startswith("TRAINTRACK_")} - allowed
        assert not others, others
        assert (variables["MODE"], variables["TOKEN"]) == ("fast", "s3cret")
        assert variables["TRAINTRACK_ID"] == action.id
        assert variables["TZ"] == "UTC"

    def test_home_and_temporary_folder_are_private_and_writable(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        script = 'mkdir "$XDG_CACHE_HOME" && rmdir "$XDG_CACHE_HOME" && for d in "$HOME" "$TMPDIR"; do test -z "$(ls -A "$d")" && touch "$d/x" || exit 9; done; echo > "$2/ok"'

        assert bench.run(make_job(bench.script(script))).failure is None

    def test_an_exit_code_other_than_0_is_a_failure_of_the_task_with_the_end_of_its_log(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        script = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; sleep 0.2; echo bad >&2; exit 3"

        state = bench.run(make_job(bench.script(script)))

        assert (state.failure, state.exit_code, state.message) == (FailureClass.TASK, 3, "exit 3")
        assert state.log_tail == (*(f"line {i}" for i in range(12, 31)), "bad")
        assert state.output is None

    def test_exit_127_of_the_task_is_not_a_missing_program(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)

        own = bench.run(make_job(bench.script("exit 127")))
        missing = bench.run(make_job(bench.script("", entrypoint=("no-such-program",))))

        assert own.failure is FailureClass.TASK
        assert missing.failure is FailureClass.IMAGE
        assert "no-such-program" in missing.message
        assert missing.hint

    def test_a_signal_is_told_by_name(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)

        state = bench.run(make_job(bench.script("kill -SEGV $$")))

        assert state.failure is FailureClass.TASK
        assert "SIGSEGV" in state.message

    def test_an_empty_output_is_a_failure(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)

        state = bench.run(make_job(bench.script("exit 0")))

        assert state.failure is FailureClass.TASK
        assert "empty" in state.message

    def test_a_declared_output_that_is_missing_is_named(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        action = bench.script('echo > "$2/other"', outputs={"model": "model.onnx"})

        state = bench.run(make_job(action))

        assert state.failure is FailureClass.TASK
        assert "`model.onnx`" in state.message

    def test_an_output_that_no_artifact_can_hold_is_refused_by_its_path(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)

        state = bench.run(make_job(bench.script('ln -s /etc/passwd "$2/stolen"')))

        assert state.failure is FailureClass.TASK
        assert "stolen" in state.message

    def test_metrics_are_read_from_the_output(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)

        state = bench.run(make_job(bench.script("""echo '{"auc": 0.9}' > "$2/metrics.json" """)))

        assert state.output is not None
        assert state.output.metrics == {"auc": 0.9}

    def test_a_task_that_takes_too_long_is_ended_with_its_children(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        action = bench.script("sleep 600 & echo started; wait", timeout_s=0.3)

        state = bench.run(make_job(action))

        assert state.failure is FailureClass.TIMEOUT
        assert "0.3 s" in state.message

    def test_a_stopped_job_is_cancelled_and_gone(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        job = make_job(bench.script("echo started; sleep 600"))
        (handle,) = bench.runner.start([job])
        bench.await_log(handle, b"started")

        bench.runner.stop([handle], grace_s=5)

        assert bench.finish(handle).failure is FailureClass.CANCELLED
        assert bench.runner.find([job.flight]) == {}

    def test_finished_is_told_exactly_once(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        (handle,) = bench.runner.start([make_job(bench.script('echo > "$2/x"'))])
        bench.finish(handle)

        assert bench.runner.poll([handle], 0) == {}

    def test_a_living_job_is_found_by_its_flight(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        job = make_job(bench.script("echo started; sleep 600"))
        (handle,) = bench.runner.start([job])
        bench.await_log(handle, b"started")

        assert bench.runner.find([job.flight, "another"]) == {job.flight: handle}

        bench.runner.stop([handle], grace_s=5)

    def test_the_newest_sealed_checkpoint_of_a_failure_is_given_to_the_next_attempt(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        first = """
cd "$TRAINTRACK_CHECKPOINT_DIR"; test -z "$(ls -A)" || exit 9
echo old > epoch-1; sleep 0.02; mkdir epoch-2; echo new > epoch-2/state; sleep 0.02; echo half > epoch-3.tmp; echo half > .epoch-4; exit 1
"""
        second = (
            'cp "$TRAINTRACK_CHECKPOINT_DIR"/epoch-2/state "$2/state"; ls -A "$TRAINTRACK_CHECKPOINT_DIR" > "$2/list"'
        )
        failed = make_job(bench.script(first))
        state = bench.run(failed)

        again = replace(failed, attempt=2, checkpoint=state.checkpoint, action=bench.script(second))
        success = bench.run(again)

        assert state.checkpoint is not None
        assert bench.output(success) == {"state": "new\n", "list": "epoch-2\n"}
        assert success.checkpoint is None

    def test_a_secret_is_in_no_log_and_no_handle(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        action = bench.script('echo "token=$TOKEN"; cat "$KEY_FILE"; exit 1')
        action = replace(action, secrets=(Secret("TOKEN", "TOKEN"), Secret("KEY", "KEY", as_file=True)))
        (handle,) = bench.runner.start([make_job(action, secrets={"TOKEN": "hunter2!", "KEY": "pem-of-mine"})])

        state = bench.finish(handle)

        assert state.log is not None
        log = bench.ledger.log(state.log)
        assert log is not None
        assert log.read_text() == "token=********\n***********"
        assert "hunter2!" not in f"{handle}{state}"

    def test_unmodified_programs_find_who_they_are_and_where_to_write(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        program = """
import getpass, json, os, pathlib, pwd, sys, tempfile
sys.path.insert(0, "src")
import near
pathlib.Path("scratch.txt").write_text("in the current folder")
cache = pathlib.Path(os.environ["XDG_CACHE_HOME"], "compiled")
cache.mkdir(parents=True)
with tempfile.NamedTemporaryFile() as file:
    file.write(b"temporary")
told = [getpass.getuser(), pwd.getpwuid(os.getuid()).pw_name, near.WORD, os.path.expanduser("~") == os.environ["HOME"]]
pathlib.Path(sys.argv[2], "told").write_text(json.dumps(told))
"""

        state = bench.run(make_job(bench.program(program)))

        name, entry, word, home = json.loads(bench.output(state)["told"])
        assert (name, word, home) == (entry, "near", True)

    def test_eight_processes_share_memory(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        program = """
import multiprocessing, pathlib, sys
from multiprocessing.shared_memory import SharedMemory

def add(name, index):
    memory = SharedMemory(name)
    memory.buf[index] = index + 1
    memory.close()

if __name__ == "__main__":
    memory = SharedMemory(create=True, size=48 << 20)
    workers = [multiprocessing.Process(target=add, args=(memory.name, i)) for i in range(8)]
    [w.start() for w in workers], [w.join() for w in workers]
    pathlib.Path(sys.argv[2], "sum").write_text(str(sum(memory.buf[:8])))
    memory.close()
    memory.unlink()
"""
        resources = Resources(memory_bytes=256 << 20)

        state = bench.run(make_job(bench.program(program), resources=resources))

        assert bench.output(state) == {"sum": "36"}

    def test_the_network_is_closed_where_that_is_enforced(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        if not bench.enforces("network"):
            return
        program = """
import pathlib, socket, sys
pathlib.Path(sys.argv[2], "devices").write_text(" ".join(name for _, name in socket.if_nameindex()))
socket.create_connection(("example.org", 80), 5)
"""
        action = bench.program(program)

        state = bench.run(make_job(replace(action, provenance=Provenance(place="a/TTCONFIG.yaml:7:3"))))

        assert state.failure is FailureClass.TASK
        assert "network" in state.message
        assert state.hint is not None
        assert "network: true" in state.hint
        assert "a/TTCONFIG.yaml:7:3" in state.hint
        assert "network" in state.isolation.enforced

    def test_inputs_and_code_cannot_be_written_where_that_is_enforced(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        if not bench.enforces("inputs read-only"):
            return
        data = bench.artifact({"x.txt": "x"})
        script = """
d=$(sed -n 's/.*"data": "\\(.*\\)".*/\\1/p' "$1")
for f in "$d/x.txt" "$d/new" src/task.sh src/new "$1"; do
    chmod u+w "$f" 2>/dev/null; { echo changed > "$f"; } 2>/dev/null && echo "$f" >> "$2/written"
done
echo > "$2/ok"
"""

        state = bench.run(make_job(bench.script(script), {"data": Wanted(data)}))

        assert bench.output(state) == {"ok": "\n"}
        assert (bench.artifacts.path(data) / "x.txt").read_text() == "x"

    def test_a_hundred_inputs_are_read_at_their_paths(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        inputs = {f"a{i}": Wanted(bench.artifact({"n": str(i)})) for i in range(100)}
        script = """
sed -n 's/.*"a[0-9]*": "\\(.*\\)".*/\\1/p' "$1" | while read d; do
    cat "$d/n"; echo; { echo changed > "$d/n"; } 2>/dev/null || :
done > "$2/all"
"""
        if not bench.enforces("inputs read-only"):
            script = script.replace("{ echo changed", ": || { echo changed")

        output = bench.output(bench.run(make_job(bench.script(script), inputs)))

        assert sorted(output["all"].split(), key=int) == [str(i) for i in range(100)]
        assert (bench.artifacts.path(inputs["a7"].artifact) / "n").read_text() == "7"

    def test_a_fan_in_of_a_thousand_inputs_is_one_list_in_the_configuration(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        wanted = [bench.artifact({"n": str(i)}) for i in range(20)] * 50
        script = """
import json, sys
evals = json.load(open(sys.argv[1]))["evals"]
found = [(e["at"]["lr"], open(e["path"] + "/n").read()) for e in evals]
assert found == [(i, str(i % 20)) for i in range(1000)], found[:40]
open(sys.argv[2] + "/count", "w").write(str(len(found)))
"""

        state = bench.run(make_fan_in(bench.program(script), "evals", [({"lr": i}, a) for i, a in enumerate(wanted)]))

        assert bench.output(state) == {"count": "1000"}

    def test_a_url_that_is_delivered_can_be_read(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        data = bench.artifact({"x.txt": "x"})
        script = """
u=$(sed -n 's/.*"data": "file:\\/\\/\\(.*\\)".*/\\1/p' "$1"); cat "$u/x.txt" > "$2/read"
"""

        state = bench.run(make_job(bench.script(script), {"data": Wanted(data, deliver=Deliver.URI)}))

        assert bench.output(state) == {"read": "x"}

    def test_what_a_task_writes_belongs_to_the_caller(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)

        state = bench.run(make_job(bench.script('echo > "$2/x" && id -u > "$2/id"')))

        assert state.output is not None
        assert (Path(state.output.staged) / "x").stat().st_uid == os.geteuid()
        if bench.enforces("user"):
            assert "user" in state.isolation.enforced

    def test_the_image_stays_as_it_is_where_that_is_enforced(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        if not bench.enforces("root file system"):
            return
        script = '{ echo > /tt/x; } 2>/dev/null && echo /tt >> "$2/written"; { echo > /x; } 2>/dev/null && echo / >> "$2/written"; echo > "$2/ok"'

        assert bench.output(bench.run(make_job(bench.script(script)))) == {"ok": "\n"}

    def test_a_task_beyond_its_memory_is_told_so_where_that_is_enforced(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        if not bench.enforces("memory"):
            return
        program = 'import sys; open(sys.argv[2] + "/x", "w").write("x"); b = bytearray(200 << 20)'
        resources = Resources(memory_bytes=48 << 20)

        state = bench.run(make_job(bench.program(program), resources=resources))

        assert state.failure is FailureClass.OUT_OF_MEMORY, state
        assert "48 MiB" in state.message
        assert "memory" in (state.hint or "")

    def test_a_task_whose_child_was_killed_for_memory_fails_though_it_exits_with_0(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        if not bench.enforces("memory"):
            return
        program = """
import multiprocessing, pathlib, sys

if __name__ == "__main__":
    child = multiprocessing.Process(target=bytearray, args=(200 << 20,))
    child.start()
    child.join()
    pathlib.Path(sys.argv[2], "code").write_text(str(child.exitcode))
"""
        resources = Resources(memory_bytes=48 << 20)

        state = bench.run(make_job(bench.program(program), resources=resources))

        assert (state.failure, state.exit_code) == (FailureClass.OUT_OF_MEMORY, 0), state
        assert "exit 0" in state.message

    def test_a_changed_input_fails_the_task_where_inputs_are_only_checked(self, tmp_path: Path) -> None:
        bench = self.make_bench(tmp_path)
        if "inputs unchanged" not in bench.runner.capabilities.isolation.checked:
            return
        data = bench.artifact({"x.txt": "x"})
        script = """
d=$(sed -n 's/.*"data": "\\(.*\\)".*/\\1/p' "$1"); chmod u+w "$d/x.txt"; echo changed > "$d/x.txt"; echo > "$2/ok"
"""

        state = bench.run(make_job(bench.script(script), {"data": Wanted(data)}))

        assert state.failure is FailureClass.TASK
        assert "`x.txt` in the input `data`" in state.message
