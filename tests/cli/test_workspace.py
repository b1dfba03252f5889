"""The commands over a small workspace of their own, as processes: what they print where, and how they end."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from traintrack.cli.schemas import document_schema

PROGRAM = (sys.executable, "-m", "traintrack")
HELLO = "//experiments/hello:hello"
GREETING = "//experiments/hello:greeting"
CONFIG = """\
defaults: {image: py, commit: HEAD}
targets:
  fails: {task: break_it, args: {}}
  needs_it: {task: shout, args: {greeting: ":fails", marks: 1}}
  sleeps: {task: sleep_long, args: {}}
"""
BREAK_IT = 'import sys\nprint("about to \\x1b[31mfail")\nsys.exit(3)\n'
SLEEP_LONG = 'import time\nprint("asleep", flush=True)\ntime.sleep(60)\n'


class Shop:
    """A committed workspace with its own home."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "w"
        self.environ = {**os.environ, "HOME": str(folder / "home"), "CI": "", "PYTHONIOENCODING": "utf-8"}
        self.environ.pop("XDG_CACHE_HOME", None)
        assert self.run("init", str(self.root), cwd=folder).returncode == 0
        (self.root / "src/break_it.py").write_text(BREAK_IT)
        (self.root / "src/sleep_long.py").write_text(SLEEP_LONG)
        (self.root / "experiments/bad").mkdir()
        (self.root / "experiments/bad/TTCONFIG.yaml").write_text(CONFIG)
        for words in ("init -q", "add .", "-c user.name=a -c user.email=a@example.org commit -qm x"):
            subprocess.run(["git", *words.split()], cwd=self.root, env=self.environ, check=True)

    def run(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *words],
            cwd=cwd or self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def document(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = self.run(*words, "--json")
        assert done.returncode == code, done.stderr
        [line] = done.stdout.splitlines()
        document = json.loads(line)
        name = document["schema"].removeprefix("traintrack.")
        jsonschema.validate(document, document_schema(name))
        return {**document, "schema": name}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    first = shop.run("run", HELLO)
    assert (first.returncode, first.stdout) == (0, "")
    assert "Plan  2 targets: 2 to run" in first.stderr
    assert first.stderr.endswith(f"  next  traintrack pull {HELLO}\n")
    return shop


def test_a_second_run_is_one_line(shop: Shop) -> None:
    done = shop.run("run", ":hello", cwd=shop.root / "experiments/hello")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"✓ {HELLO} is up to date (1 target cached) in ")
    assert len(done.stderr.splitlines()) == 1


def test_a_quiet_run_with_nothing_wrong_says_nothing(shop: Shop) -> None:
    done = shop.run("-q", "run", HELLO)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        (("run", HELLO), "run/1"),
        (("run", "-n", HELLO), "plan/1"),
        (("hash", HELLO), "hash/1"),
        (("hash", "--preimage", HELLO), "preimage/1"),
        (("pull", HELLO), "pull/1"),
        (("ls", "//..."), "ls/1"),
        (("show", HELLO), "show/1"),
        (("show", HELLO, "--record"), "show/1"),
        (("status", "//..."), "status/1"),
        (("log", HELLO), "log/1"),
        (("log",), "log-run/1"),
        (("why", HELLO), "why/1"),
        (("check",), "check/1"),
        (("lock", "//..."), "lock/1"),
        (("clean", "-n"), "clean/1"),
        (("doctor",), "doctor/1"),
    ],
)
def test_each_command_prints_one_document_of_its_schema(shop: Shop, words: tuple[str, ...], schema: str) -> None:
    if words == ("log",):
        shop.run("run", HELLO, "--force")

    assert shop.document(*words)["schema"] == schema


def test_the_preimage_hashes_to_the_id(shop: Shop) -> None:
    id_, label = shop.run("hash", HELLO).stdout.split()
    done = subprocess.run(
        [*PROGRAM, "hash", "--preimage", HELLO], cwd=shop.root, env=shop.environ, capture_output=True, check=True
    )

    assert label == HELLO
    assert hashlib.sha256(done.stdout).hexdigest() == id_


def test_pull_prints_paths_that_can_be_read(shop: Shop) -> None:
    done = shop.run("pull", HELLO)
    path = Path(done.stdout.removesuffix("\n"))

    assert any("HELLO" in file.read_text() for file in path.iterdir())
    assert done.stderr == ""


def test_pull_of_what_was_never_made_ends_with_4(shop: Shop) -> None:
    done = shop.run("pull", "//experiments/bad:sleeps")

    assert (done.returncode, done.stdout) == (4, "")
    assert "hint: traintrack run //experiments/bad:sleeps" in done.stderr


def test_a_pattern_takes_away_without_two_dashes(shop: Shop) -> None:
    done = shop.run("ls", "//...", "-//experiments/bad/...", f"-{GREETING}")

    assert [line.split()[0] for line in done.stdout.splitlines()] == [HELLO]


def test_a_failure_ends_with_1_its_log_and_the_next_command(shop: Shop) -> None:
    done = shop.run("run", "//experiments/bad:needs_it")

    assert (done.returncode, done.stdout) == (1, "")
    told = done.stderr[done.stderr.index("✗ FAILED //experiments/bad:fails") :]
    assert "exit 3" in told.splitlines()[0]
    assert "defined experiments/bad/TTCONFIG.yaml:3" in told
    assert "  about to \\x1b[31mfail\n" in told
    assert "  blocks  1 target: //experiments/bad:needs_it\n" in told
    assert told.endswith("  next  traintrack log //experiments/bad:fails\n")
    assert "\x1b" not in done.stderr


def test_a_failure_is_a_document_too(shop: Shop) -> None:
    document = shop.document("run", "//experiments/bad:needs_it", code=1)

    assert [row["outcome"] for row in document["targets"]] == ["failed", "blocked"]
    assert document["exit_code"] == 1


def test_a_log_shows_escapes_as_text(shop: Shop) -> None:
    shop.run("run", "//experiments/bad:fails")
    done = shop.run("log", "//experiments/bad:fails")

    assert done.returncode == 0
    assert "about to \\x1b[31mfail\n" in done.stdout


def test_an_unknown_target_is_told_with_a_hint(shop: Shop) -> None:
    document = shop.document(
        "run", "//experiments/hello:helo", code=shop.run("hash", "//experiments/hello:helo").returncode
    )

    assert document["schema"] == "error/1"
    assert "hello" in document["error"]["hint"]


def test_check_tells_all_errors_with_place_caret_and_count(shop: Shop) -> None:
    wrong = shop.root / "experiments/wrong"
    wrong.mkdir()
    (wrong / "TTCONFIG.yaml").write_text("targets:\n  a: {tsk: x}\n  b: {task: [1]}\n")
    try:
        done = shop.run("check")
        document = shop.document("check", code=3)
    finally:
        (wrong / "TTCONFIG.yaml").unlink()
        wrong.rmdir()

    assert (done.returncode, done.stdout) == (3, "")
    assert "experiments/wrong/TTCONFIG.yaml:2:7: error: " in done.stderr
    assert "\n    a: {tsk: x}\n        ^\n" in done.stderr
    assert done.stderr.endswith(f"{len(document['errors'])} errors\n")


def test_replace_without_force_is_wrong_usage(shop: Shop) -> None:
    assert shop.run("run", "--replace", HELLO).returncode == 2


@pytest.mark.parametrize(("number", "times", "code"), [(signal.SIGTERM, 1, 143), (signal.SIGINT, 2, 130)])
def test_a_signal_ends_a_run_and_its_task(shop: Shop, number: signal.Signals, times: int, code: int) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "run", "//experiments/bad:sleeps"],
        cwd=shop.root,
        env=shop.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    lines = []
    while not (lines and "started" in lines[-1]):
        lines.append(process.stderr.readline())
        assert lines[-1], "the run ended before its task began"
    for _ in range(times):
        process.send_signal(number)
        # The answer to a signal is read before the next, so that two do not become one.
        lines.append(process.stderr.readline())
    out, err = process.communicate(timeout=60)

    assert process.returncode == code
    assert out == ""
    assert "stopping: " in lines[-1]
    assert "1 cancelled (interrupted)" in err
    assert err.endswith("  next  traintrack run //experiments/bad:sleeps\n")


def test_hash_imports_nothing_heavy(shop: Shop) -> None:
    code = (
        "import sys, atexit\natexit.register(lambda: sys.stderr.write(' '.join(sys.modules)))\n"
        "sys.argv = ['traintrack', 'hash', '//...']\nfrom traintrack.__main__ import main\nsys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=shop.root, env=shop.environ, capture_output=True, text=True, check=True
    )

    assert not {"rich", "boto3", "prefect", "asyncio", "jsonschema", "uvicorn"} & set(done.stderr.split())
