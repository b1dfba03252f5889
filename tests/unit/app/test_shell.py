"""`traintrack shell` over real tasks: what stands in a shell, and what is left when it ends."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.runners.contract.proc_table import started

PROGRAM = (sys.executable, "-m", "traintrack")
DATA = "import sys, pathlib\npathlib.Path(sys.argv[2], 'rows').write_text('ten')\n"
TRAIN = """
import json, os, pathlib, sys
config, out = json.load(open(sys.argv[1])), pathlib.Path(sys.argv[2])
(out / "half").write_text(pathlib.Path(config["data"], "rows").read_text())
pathlib.Path(os.environ["TRAINTRACK_CHECKPOINT_DIR"], "step1").write_text("1")
sys.exit(3 if pathlib.Path(os.environ["HOME"], "well").exists() is False else 0)
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of Python environments for all tests of a worker."""
    return tmp_path_factory.mktemp("cache")


class Shop:
    """A workspace whose `//a:data` succeeds and whose `//a:train` fails, and the program."""

    def __init__(self, root: Path, cache: Path) -> None:
        files = {"src/make_data.py": DATA, "src/train_model.py": TRAIN}
        self.small = Small(root, files)
        self.root = root
        self.small.edit("a/TTCONFIG.yaml", "outputs: {model: weights/best.pt}", "secrets: {TOKEN: {env: MY_TOKEN}}")
        self.environ = {**os.environ, "XDG_CACHE_HOME": str(cache), "MY_TOKEN": "hush-hush", "ALIEN": "1"}

    def call(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *words],
            cwd=self.root,
            env={**self.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def failed(self) -> Shop:
        assert self.call("run", "//a:*").returncode == 1
        return self

    def things(self) -> list[str]:
        return sorted(str(path) for path in (self.root / "store").rglob("*"))

    def left(self) -> list[str]:
        store = self.root / "store"
        return [p.name for p in (store / "stage").iterdir()] + sorted(
            str(p.relative_to(store / "runner")) for p in (store / "runner" / "jobs").rglob("*")
        )


@pytest.fixture
def shop(tmp_path: Path, cache: Path) -> Shop:
    return Shop(tmp_path, cache)


def test_a_shell_has_the_surroundings_of_the_task(shop: Shop) -> None:
    shop.failed()
    line = 'ls; cat "$CONFIG_YAML"; cat "$(python -c "import json,sys; print(json.load(open(sys.argv[1]))[\'data\'])" "$CONFIG_YAML")/rows"; echo; env'

    done = shop.call("shell", "//a:train", "-c", line)

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[0] == "src"
    assert '"epochs": 3,' in done.stdout
    assert "ten" in lines
    assert "TOKEN=hush-hush" in lines
    assert not any(line.startswith(("ALIEN", "MY_TOKEN")) for line in lines)
    assert any(line.startswith("TRAINTRACK_ID=") for line in lines)


def test_the_task_can_be_repeated_and_nothing_of_it_stays(shop: Shop) -> None:
    shop.failed()
    before = shop.things()
    line = (
        'touch "$HOME/well"; python -m train_model "$CONFIG_YAML" "$OUTPUT_DIRECTORY" && cat "$OUTPUT_DIRECTORY/half"'
    )

    done = shop.call("shell", "//a:train", "-c", line)

    assert (done.returncode, done.stdout) == (0, "ten")
    assert shop.things() == before
    assert shop.left() == []
    assert json.loads(shop.call("status", "//a:train", "--json").stdout)["targets"][0]["state"] == "failed"


def test_the_exit_code_of_a_line_is_that_of_the_command(shop: Shop) -> None:
    assert shop.call("shell", "//a:data", "-c", "exit 5").returncode == 5
    assert shop.call("shell", "//a:data", "-c", "kill -TERM $$").returncode == 143


def test_a_failed_attempt_is_opened_as_it_was_whatever_the_files_say_now(shop: Shop) -> None:
    shop.failed()
    shop.small.edit("a/TTCONFIG.yaml", "epochs: 3", "epochs: 4")
    shop.small.write("src/train_model.py", "other code\n")
    shop.small.commit("Change")
    line = 'cat "$CONFIG_YAML" src/train_model.py "$PARTIAL_OUTPUT/half"; ls "$TRAINTRACK_CHECKPOINT_DIR"; ls "$OUTPUT_DIRECTORY"'

    done = shop.call("shell", "//a:train", "--attempt", "last", "-c", line)

    assert done.returncode == 0, done.stderr
    assert '"epochs": 3,' in done.stdout
    assert "other code" not in done.stdout
    assert done.stdout.endswith("tenstep1\n")


def test_looking_at_a_checkpoint_does_not_use_it_up(shop: Shop) -> None:
    shop.failed()
    line = 'rm -r "$TRAINTRACK_CHECKPOINT_DIR"/*'

    for _ in range(2):
        done = shop.call("shell", "//a:train", "--attempt", "1", "-c", f'ls "$TRAINTRACK_CHECKPOINT_DIR"; {line}')
        assert done.stdout == "step1\n"


def test_inputs_without_a_result_are_told_with_the_command_that_makes_them(shop: Shop) -> None:
    done = shop.call("shell", "//a:train", "-c", "true")

    assert done.returncode == 4
    assert "`//a:train` reads `//a:data`, and there is no result" in done.stderr
    assert "hint: traintrack run //a:data" in done.stderr


def test_a_program_without_a_terminal_is_told_of_print(shop: Shop) -> None:
    done = shop.call("shell", "//a:data")

    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: traintrack shell //a:data --print" in done.stderr


def test_a_missing_secret_is_told(shop: Shop) -> None:
    shop.failed()
    del shop.environ["MY_TOKEN"]

    done = shop.call("shell", "//a:train", "-c", "true")

    assert (done.returncode, shop.left()) == (6, [])
    assert "`MY_TOKEN` is not set" in done.stderr


def test_the_printed_line_opens_the_same_shell_and_has_no_secret(shop: Shop) -> None:
    shop.failed()
    line = 'echo "$TOKEN"; pwd; env'

    printed = shop.call("shell", "//a:train", "--print", "-c", line)
    assert "hush-hush" not in printed.stdout
    done = subprocess.run(
        ["sh", "-c", printed.stdout], env=shop.environ, capture_output=True, text=True, timeout=60, check=False
    )

    lines = done.stdout.splitlines()
    assert lines[0] == "hush-hush", done.stderr
    assert lines[1].endswith("/work")
    assert not any(word.startswith("ALIEN") for word in lines)
    assert len(shop.left()) == 2
    assert shop.call("clean").returncode == 0
    assert shop.left() == []


def test_the_printed_document_names_the_places(shop: Shop) -> None:
    shop.failed()

    document = json.loads(shop.call("shell", "//a:train", "--attempt", "1", "--print", "--json").stdout)

    assert (document["schema"], document["attempt"]) == ("traintrack.shell/1", 1)
    assert json.loads(Path(document["config"]).read_text())["epochs"] == 3
    assert document["task"][1:3] == ["-m", "train_model"]
    assert os.listdir(document["partial"]) == ["half"]
    assert os.listdir(document["output"]) == []


def test_what_is_started_in_the_background_ends_with_the_shell(shop: Shop) -> None:
    done = shop.call("shell", "//a:data", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!")

    pid = int(done.stdout)
    assert started(pid) is None
    assert shop.left() == []


def test_a_changed_input_is_told(shop: Shop) -> None:
    shop.failed()
    change = 'f="$(dirname "$CONFIG_YAML")/in/data/rows"; chmod u+w "$f"; echo more >> "$f"'

    done = shop.call("shell", "//a:train", "-c", change)

    assert done.returncode == 8
    assert "was changed in the shell" in done.stderr
    assert shop.left() == []


def opened(shop: Shop) -> tuple[subprocess.Popen[bytes], int]:
    """Start an interactive shell at a terminal of its own; return it and the other end of the terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "shell", "//a:data"],
        cwd=shop.root,
        env=shop.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509 - makes it the controlling one
    )
    os.close(theirs)
    return process, ours


def read_until(terminal: int, text: bytes) -> bytes:
    seen, deadline = b"", time.monotonic() + 60
    while text not in seen:
        assert time.monotonic() < deadline, seen
        try:
            seen += os.read(terminal, 4096)
        except OSError:
            raise AssertionError(seen) from None
    return seen


def test_a_person_types_into_the_shell_and_ctrl_c_ends_only_what_runs_in_it(shop: Shop) -> None:
    process, terminal = opened(shop)
    said = read_until(terminal, b"(//a:data) $ ")
    os.write(terminal, b"sleep 600\n")
    time.sleep(0.5)
    os.write(terminal, b"\x03")
    read_until(terminal, b"(//a:data) $ ")
    os.write(terminal, b"echo still-$((1 + 1))-here; exit\n")
    read_until(terminal, b"still-2-here")

    assert process.wait(60) == 0
    assert b'-m make_data "$CONFIG_YAML" "$OUTPUT_DIRECTORY"' in said
    assert shop.left() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_closes_leaves_nothing_behind(shop: Shop, number: signal.Signals) -> None:
    process, terminal = opened(shop)
    read_until(terminal, b"(//a:data) $ ")

    process.send_signal(number)

    assert process.wait(60) == 128 + number
    assert shop.left() == []


def test_a_shell_that_misses_the_signal_is_told_again(shop: Shop) -> None:
    deaf_once = 'trap "n=x$n; [ $n = x ] || exit 3" HUP; echo ready; while :; do sleep 0.05; done'
    command = [*PROGRAM, "shell", "//a:data", "-c", deaf_once]
    process = subprocess.Popen(command, cwd=shop.root, env=shop.environ, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"

    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 128 + signal.SIGTERM
    assert shop.left() == []
    process.stdout.close()
