"""Two engineers with stores of their own, and a team's store that they read through and push to: as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from traintrack.cli.schemas import document_schema

PROGRAM = (sys.executable, "-m", "traintrack")
WORKSPACE = """\
workspace: plates
defaults: {{paths: [src]}}
images:
  py: {{python: "3.11", lock: requirements.lock}}
environments:
  team: {{runner: local, storage: {folder}/team}}
  ann: {{runner: local, storage: {folder}/ann, reads: [team]}}
  ben: {{runner: local, storage: {folder}/ben, reads: [team], push: clean}}
  cat: {{runner: local, storage: {folder}/cat, reads: [ann]}}
default_env: ann
"""
EXPERIMENT = """\
defaults: {{image: py, commit: HEAD}}
targets:
  data: {{task: make, args: {{name: data, starts: {folder}/starts}}}}
  train: {{task: make, args: {{name: train, starts: {folder}/starts, data: ":data"}}}}
  report: {{task: make, args: {{name: report, starts: {folder}/starts, model: ":train"}}}}
  slow: {{task: make, args: {{name: slow, starts: {folder}/starts, wait_s: 3}}}}
"""
MAKE = """\
import json, os, sys, time
config, out = sys.argv[1:]
args = json.load(open(config))
with open(args["starts"], "a") as starts:
    starts.write(args["name"] + "\\n")
time.sleep(args.get("wait_s", 0))
read = [open(os.path.join(args[key], "out.txt")).read() for key in ("data", "model") if key in args]
# Other bytes each time: whoever has the same ones has reused them.
open(os.path.join(out, "out.txt"), "w").write(args["name"] + os.urandom(8).hex() + "".join(read))
"""


class Team:
    """A workspace whose environments are folders beside it; all have one home, and so one cache of Python."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.root = folder, folder / "w"
        self.environ = {**os.environ, "HOME": str(home), "CI": "", "PYTHONIOENCODING": "utf-8"}
        self.environ.pop("XDG_CACHE_HOME", None)
        self.write("TTWORKSPACE.yaml", WORKSPACE.format(folder=folder))
        self.write("lp/TTCONFIG.yaml", EXPERIMENT.format(folder=folder))
        self.write("src/make.py", MAKE)
        self.write("requirements.lock", "# nothing\n")
        self.git("init", "-q", "-b", "main")
        self.commit("Begin")

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", message)

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, env=self.environ, check=True, capture_output=True)

    def start(self, env: str, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*PROGRAM, "--env", env, *words],
            cwd=self.root, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def call(self, env: str, *words: str, code: int = 0) -> tuple[str, str]:
        process = self.start(env, *words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, err + out
        return out, err

    def document(self, env: str, *words: str, code: int = 0) -> dict[str, Any]:
        [line] = self.call(env, *words, "--json", code=code)[0].splitlines()
        document = json.loads(line)
        jsonschema.validate(document, document_schema(document["schema"].removeprefix("traintrack.")))
        return document

    def starts(self) -> list[str]:
        place = self.folder / "starts"
        return place.read_text().splitlines() if place.exists() else []

    def text(self, env: str, label: str) -> str:
        return (Path(self.call(env, "pull", label)[0].strip()) / "out.txt").read_text()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def team(tmp_path: Path, home: Path) -> Team:
    return Team(tmp_path, home)


def states(document: dict[str, Any]) -> dict[str, str]:
    return {row["label"].removeprefix("//lp:"): row["state"] for row in document["targets"]}


def test_what_one_has_made_the_other_reuses_byte_for_byte_and_builds_upon(team: Team) -> None:
    team.call("team", "run", "//lp:train")
    made = team.text("team", "//lp:train")

    _, err = team.call("ann", "run", "//lp:train")
    assert team.starts() == ["data", "train"]
    assert "0 to run" in err or "cached" in err
    assert not list((team.folder / "ann" / "artifact").rglob("out.txt"))
    assert team.text("ann", "//lp:train") == made

    team.call("ann", "run", "//lp:report")
    assert team.starts() == ["data", "train", "report"]
    assert team.text("ann", "//lp:report").endswith(made)
    [row] = team.document("ann", "status", "//lp:train")["targets"]
    assert (row["state"], row["home"]) == ("cached", str(team.folder / "team"))
    why = team.document("ann", "why", "//lp:train")
    assert why["origin"].startswith(f"reused from {team.folder}/team: executed by ")
    assert why["origin"].endswith(", clean")
    shown = team.document("ann", "show", "//lp:train", "--record")
    assert shown["origin"] == why["origin"]
    assert team.document("ann", "verify")["findings"] == []


def test_looking_writes_nothing(team: Team) -> None:
    team.call("team", "run", "//lp:train")
    for words in (("status", "//lp/..."), ("why", "//lp:train"), ("run", "-n", "//lp:train"), ("pull", "//lp:train")):
        team.call("ann", *words)

    assert not list((team.folder / "ann").rglob("cell/*/*"))


def test_a_store_that_is_away_is_a_warning_and_its_work_is_done_here(team: Team) -> None:
    team.call("team", "run", "//lp:train")
    team.call("ann", "run", "//lp:train")
    os.rename(team.folder / "team", team.folder / "away")

    _, err = team.call("ann", "run", "//lp:report")
    assert err.count("`team` is out of reach") == 1
    assert team.starts() == ["data", "train", "data", "train", "report"]
    assert not (team.folder / "team").exists()
    _, err = team.call("ann", "run", "//lp:report")
    assert "out of reach" not in err
    os.rename(team.folder / "away", team.folder / "team")


def test_pull_says_where_the_bytes_are_when_they_cannot_be_had(team: Team) -> None:
    team.call("team", "run", "//lp:train")
    team.call("ann", "run", "//lp:train")
    os.rename(team.folder / "team", team.folder / "away")

    _, err = team.call("ann", "pull", "//lp:train", code=6)
    assert f"its bytes are in {team.folder}/team, which is out of reach" in err
    assert "traintrack run --force --replace //lp:train" in err


def test_what_is_held_there_is_waited_for_and_is_not_without_sharing(team: Team) -> None:
    team.call("team", "run", "//lp:data")
    first = team.start("team", "run", "//lp:slow")
    _wait_for(lambda: "slow" in team.starts())

    _, err = team.call("ann", "run", "//lp:slow")
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert team.starts() == ["data", "slow"]
    assert "waiting" in err
    assert team.text("ann", "//lp:slow") == team.text("team", "//lp:slow")


def test_without_sharing_nobody_is_waited_for(team: Team) -> None:
    team.call("team", "run", "//lp:data")
    first = team.start("team", "run", "//lp:slow")
    _wait_for(lambda: "slow" in team.starts())

    team.call("ann", "run", "--no-share", "//lp:slow")
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert team.starts() == ["data", "slow", "slow"]


def test_when_the_holder_there_is_killed_the_work_is_done_here(team: Team) -> None:
    team.call("team", "run", "//lp:data")
    first = team.start("team", "run", "//lp:slow")
    _wait_for(lambda: "slow" in team.starts())
    second = team.start("ann", "run", "//lp:slow")
    time.sleep(0.7)
    first.kill()

    _, err = second.communicate(timeout=60)
    first.communicate()
    assert second.returncode == 0, err
    assert team.starts() == ["data", "slow", "slow"]


def test_push_sends_inputs_first_and_once(team: Team) -> None:
    team.call("ann", "run", "//lp:report")

    pushed = team.document("ann", "push", "//lp:report")
    assert states(pushed) == {"data": "sent", "train": "sent", "report": "sent"}
    assert [row["label"] for row in pushed["targets"]] == ["//lp:data", "//lp:train", "//lp:report"]
    assert pushed["sent_bytes"] == sum(row["size_bytes"] for row in pushed["targets"]) > 0
    again = team.document("ann", "push", "//lp:report")
    assert set(states(again).values()) == {"there"}
    assert (again["sent"], again["sent_bytes"]) == (0, 0)
    assert team.text("team", "//lp:report") == team.text("ann", "//lp:report")
    starts = team.starts()
    team.call("ben", "run", "//lp:report")
    assert team.starts() == starts
    assert team.document("team", "verify")["findings"] == []


def test_what_was_made_from_other_bytes_is_refused_and_what_stands_stays(team: Team) -> None:
    team.call("ann", "run", "//lp:data")
    team.call("team", "run", "//lp:data")
    standing = team.text("team", "//lp:data")
    team.call("ann", "run", "--no-share", "//lp:report")

    refused = team.document("ann", "push", "//lp:report", code=8)
    assert states(refused) == {"data": "differs", "train": "refused", "report": "behind"}
    assert "//lp:data" in refused["targets"][1]["detail"]
    assert team.text("team", "//lp:data") == standing
    _, err = team.call("ann", "push", "//lp:report", code=8)
    assert "hint: " in err


def test_what_was_brought_in_is_never_pushed_back(team: Team) -> None:
    team.call("team", "run", "//lp:train")
    team.call("ann", "run", "//lp:report")

    assert states(team.document("ann", "push", "//lp:report")) == {"train": "brought-in", "report": "sent"}


def test_clean_results_are_pushed_at_the_end_of_a_run(team: Team) -> None:
    team.call("team", "run", "//lp:slow")
    _, err = team.call("ben", "run", "//lp:train")
    assert "pushed 2 results to team" in err

    assert team.text("team", "//lp:train") == team.text("ben", "//lp:train")
    remote = team.folder / "remote.git"
    team.git("init", "-q", "--bare", str(remote))
    team.git("remote", "add", "origin", str(remote))
    team.write("src/make.py", MAKE + "# edited\n")
    team.commit("edit")
    team.call("ben", "run", "//lp:data")
    assert {row["state"] for row in team.document("team", "status", "//lp:data")["targets"]} != {"cached"}
    why = team.document("ben", "status", "//lp:data")
    assert why["targets"][0]["state"] == "cached"


def test_a_push_that_cannot_be_made_fails_no_run(team: Team) -> None:
    (team.folder / "team").write_text("not a folder")

    _, err = team.call("ben", "run", "//lp:data")
    assert "nothing was pushed" in err
    assert "traintrack push //lp:data" in err


def test_push_without_anywhere_to_push_to_says_what_to_write(team: Team) -> None:
    team.call("team", "run", "//lp:data")

    _, err = team.call("team", "push", "//lp:data", code=2)
    assert "reads: [ENV]" in err
    team.call("team", "push", "//lp:data", "--to", "ann")
    assert team.text("ann", "//lp:data") == team.text("team", "//lp:data")


def _wait_for(condition: Any) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
