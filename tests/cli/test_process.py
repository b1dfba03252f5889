"""The program as a process: streams, exit codes, signals, and what it imports."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from traintrack.version import VERSION

PROGRAM = (sys.executable, "-m", "traintrack")
HEAVY = ("yaml", "rich", "boto3", "asyncio", "jsonschema", "dataclasses", "blake3", "prefect")


def run(*arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "", **environ},
        timeout=60,
        check=False,
    )


def in_program(code: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the program with a first line of our own, which may change what its parts do."""
    start = f"import sys; sys.argv = ['traintrack', *{list(arguments)!r}]\n{code}\n"
    start += "from traintrack.__main__ import main\nsys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", start],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [("--version",), ("version",)])
def test_the_version_is_told_without_click(words: tuple[str, ...]) -> None:
    watch = "import atexit; atexit.register(lambda: sys.stderr.write(' '.join(sys.modules)))"
    done = in_program(watch, *words)

    assert done.stdout == f"traintrack {VERSION}\n"
    assert "click" not in done.stderr.split()


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("run", "--help")])
def test_version_and_help_import_nothing_heavy(words: tuple[str, ...]) -> None:
    watch = "import atexit; atexit.register(lambda: sys.stderr.write(' '.join(sys.modules)))"
    done = in_program(watch, *words)

    assert done.returncode == 0
    assert not set(HEAVY) & set(done.stderr.split())


def test_the_version_as_json_is_one_document() -> None:
    done = run("--json", "version")

    assert json.loads(done.stdout) == {"schema": "traintrack.version/1", "version": VERSION}
    assert done.stderr == ""


def test_wrong_words_go_to_stderr_with_exit_code_2() -> None:
    done = run("rnu")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: there is no command `rnu` [unknown-command]")


def test_outside_a_workspace_is_an_error_of_the_input(tmp_path: Path) -> None:
    done = run("ls", cwd=tmp_path)

    assert done.returncode == 3
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


def test_colour_comes_when_asked_for_and_not_into_pipes() -> None:
    assert "\x1b[" not in run("ls", "-q", "-v").stderr
    assert "\x1b[31m" in run("--color", "always", "ls", "-q", "-v").stderr
    assert "\x1b[31m" in run("ls", "-q", "-v", "--color=always").stderr


def test_without_utf_8_marks_are_spelled_in_ascii(tmp_path: Path) -> None:
    done = run("init", str(tmp_path / "w"), PYTHONIOENCODING="ascii")

    assert done.returncode == 0
    assert done.stderr.startswith("ok wrote")


def test_a_reader_that_goes_ends_the_program_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [*PROGRAM, "version", "--json"], stdout=closed, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )

    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("words", [("--version",), ("version", "--json")])
def test_a_full_disk_behind_stdout_is_told(words: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )

    assert done.returncode == 6
    assert done.stderr.startswith("error: no space left on device [system]")


def test_closed_streams_are_no_reason_to_fail() -> None:
    command = f"{sys.executable} -m traintrack version --json >&- 2>&-"

    assert subprocess.run(["sh", "-c", command], timeout=60, check=False).returncode == 0


def test_a_bug_ends_with_70_a_report_and_no_traceback(tmp_path: Path) -> None:
    break_it = "import traintrack.cli.carry_out as c; c.Call = lambda *a: 1 / 0"
    done = in_program(break_it, "ls", TMPDIR=str(tmp_path))
    [report] = tmp_path.glob("traintrack-report-*.txt")

    assert (done.returncode, done.stdout) == (70, "")
    assert "Traceback" not in done.stderr
    assert str(report) in done.stderr
    assert "ZeroDivisionError" in report.read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_command_with_their_exit_code(number: int, code: int) -> None:
    hit = f"import os, traintrack.cli.carry_out as c; c.Call = lambda *a: os.kill(os.getpid(), {int(number)})"
    done = in_program(hit, "ls")

    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr in ("interrupted\n", "terminated\n")


def test_the_program_ends_at_once_but_not_before_its_threads_and_what_is_registered_for_the_exit() -> None:
    code = (
        "import atexit, sys, threading, time\n"
        "sys.argv = ['traintrack', 'nonsense']\n"
        "class Freed:\n"
        "    def __del__(self): print('taken down')\n"
        "kept = Freed()\n"
        "atexit.register(print, 'registered')\n"
        "threading.Timer(0.2, print, ['thread']).start()\n"
        "from traintrack.__main__ import program\n"
        "program()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout.split() == ["thread", "registered"]
    assert (done.returncode, "nonsense" in done.stderr) == (2, True)


def test_whoever_traces_the_program_sees_it_to_its_end() -> None:
    code = (
        "import sys\n"
        "sys.argv = ['traintrack', '--version']\n"
        "sys.setprofile(lambda *_: None)\n"
        "from traintrack.__main__ import program\n"
        "try: program()\n"
        "finally: print('seen')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout.split()[-1] == "seen"
    assert done.returncode == 0
