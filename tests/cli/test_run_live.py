"""`run` itself on a terminal, with its events and its trace, over a small workspace."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from watched_terminal import WatchedTerminal

from traintrack.cli.schemas import event_schema

PROGRAM = (sys.executable, "-m", "traintrack")
CONFIG = """\
defaults: {image: py, commit: HEAD}
targets:
  steps: {task: steps, args: {}}
  fails: {task: break_it, args: {steps: ":steps"}}
"""
STEPS = """\
import json, pathlib, sys, time
out = pathlib.Path(sys.argv[2])
(out / "progress.json").write_text(json.dumps({"step": 7, "total": 20, "message": "loss 0.4"}))
time.sleep(2.5)
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("live")
    root = folder / "w"
    environ = {
        "HOME": str(folder),
        "CI": "",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_DATA_HOME": str(folder / "data"),
    }
    done = subprocess.run(
        [*PROGRAM, "init", str(root)], env={**os.environ, **environ}, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    (root / "src/steps.py").write_text(STEPS)
    (root / "src/break_it.py").write_text("import sys; print('boom'); sys.exit(3)\n")
    (root / "lp").mkdir()
    (root / "lp/TTCONFIG.yaml").write_text(CONFIG)
    for words in ("init -q", "add .", "-c user.name=a -c user.email=a@example.org commit -qm x"):
        subprocess.run(["git", *words.split()], cwd=root, check=True)
    return root, environ


def test_a_run_is_told_live_to_events_and_as_a_trace(workspace: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    root, environ = workspace
    events, trace = tmp_path / "events.jsonl", tmp_path / "trace.json"
    command = [*PROGRAM, "run", "//lp:*", "--events", str(events), "--trace", str(trace)]
    terminal = WatchedTerminal(command, environ, cwd=root)
    try:
        code = terminal.until_end()
        lines = terminal.everything()
    finally:
        terminal.kill()
    told = [json.loads(line) for line in events.read_text().splitlines()]
    spans = [event for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "X"]

    assert code == 1
    assert not terminal.hides_cursor
    assert any("● //lp:steps" in line and "7/20 loss 0.4" in line for frame in terminal.frames for line in frame)
    assert [line.split()[:3] for line in lines if line[:1] in "✓✗" and "//lp" in line][:2] == [
        ["✓", "//lp:steps", "executed"],
        ["✗", "//lp:fails", "failed"],
    ]
    assert "  boom" in lines
    assert lines[-1].endswith("traintrack log //lp:fails")
    for line in told:
        jsonschema.validate(line, event_schema())
    assert [line["seq"] for line in told] == list(range(1, len(told) + 1))
    assert (told[0]["kind"], told[-1]["kind"], told[-1]["last"]) == ("run-started", "run-finished", True)
    assert {"phase": "running", "text": "7/20 loss 0.4"}.items() <= next(t for t in told if t.get("text")).items()
    task = next(span for span in spans if span["name"] == "task" and span["args"]["target"] == "//lp:steps")
    assert 2.4e6 < task["dur"] < 20e6
    assert {span["cat"] for span in spans} == {"run", "attempt", "phase"}


def test_events_on_stdout_are_all_that_is_there(workspace: tuple[Path, dict[str, str]]) -> None:
    root, environ = workspace
    command = [*PROGRAM, "run", "//experiments/hello:greeting", "--events", "-"]
    done = subprocess.run(command, cwd=root, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]

    assert done.returncode == 0, done.stderr
    assert (kinds[0], kinds[-1]) == ("run-started", "run-finished")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--events", "no/such/folder/x"], 6),
        (["--events", "fd:88"], 2),
        (["--trace", "no/such/folder/x"], 6),
        (["--events", "-", "--json"], 2),
        (["--events", "x", "-n"], 2),
    ],
)
def test_a_wrong_place_is_told_before_anything_runs(
    workspace: tuple[Path, dict[str, str]], words: list[str], code: int
) -> None:
    root, environ = workspace
    command = [*PROGRAM, "run", "//lp:fails", *words]
    done = subprocess.run(command, cwd=root, env={**os.environ, **environ}, capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert "Plan" not in done.stderr
    assert "hint" in done.stderr + done.stdout


def test_a_full_disk_under_the_events_is_one_warning_and_the_run_goes_on(
    workspace: tuple[Path, dict[str, str]],
) -> None:
    root, environ = workspace
    command = [*PROGRAM, "run", "//experiments/hello:greeting", "--events", "/dev/full"]
    done = subprocess.run(command, cwd=root, env={**os.environ, **environ}, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert done.stderr.count("warning: no more events go to `/dev/full`") == 1
