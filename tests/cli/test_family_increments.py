"""Families in runs of the whole program: what is made when one grows, when a member fails, and which members are meant."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PROGRAM = (sys.executable, "-m", "traintrack")
STEP = """\
import json, pathlib, sys
args = json.loads(pathlib.Path(sys.argv[1]).read_text())
if args.get("lr") == 0.5:
    sys.exit("it diverged")
out = pathlib.Path(sys.argv[2])
out.joinpath("value.txt").write_text(json.dumps(args, sort_keys=True))
"""
GRID = """\
defaults: {image: py, commit: HEAD, task: step}
targets:
  train: {each: {lr: [0.1, 0.2], seed: {range: 2}}, args: {lr: "${lr}", seed: "${seed}"}}
  eval: {each: ":train", args: {model: ":train@."}}
  mean: {each: {lr: [0.1, 0.2]}, args: {lr: "${lr}", evals: ":eval@.,*"}, unhashed: {x: 1}}
  best: {args: {means: ":mean@*"}}
"""
KFOLD = """\
defaults: {image: py, commit: HEAD, task: step}
templates:
  kfold:
    params: {data: label, k: {int: 2}, q: {int: 0}}
    targets:
      split: {args: {data: "${data}"}}
      train: {each: {fold: {range: "${k}"}}, args: {data: ".split", fold: "${fold}", q: "${q}"}}
      sum: {args: {all: ".train@*"}}
    result: sum
targets:
  data: {args: {n: 1}}
  cv: {use: kfold, with: {data: ":data"}}
  search: {use: kfold, each: {q: [1, 2]}, with: {data: ":data", q: "${q}"}}
"""
DAYS = """\
targets:
  day: {each: {d: {dates: {from: 2026-01-30, to: 2026-01-31, every: 1d}}}, source: "days/${d}.txt"}
  clean: {image: py, commit: HEAD, task: step, each: ":day", args: {raw: ":day@.", day: "${d}"}}
  all: {image: py, commit: HEAD, task: step, args: {days: ":clean@*"}}
"""


class Workspace:
    def __init__(self, root: Path, config: str) -> None:
        self.root = root / "w"
        self._environ = {**os.environ, "HOME": str(root), "CI": ""}
        self._environ |= {"XDG_CACHE_HOME": str(root / "cache"), "XDG_DATA_HOME": str(root / "data")}
        assert self.say("init", str(self.root), cwd=root).returncode == 0
        (self.root / "src/step.py").write_text(STEP)
        self.write("a/TTCONFIG.yaml", config)
        for words in ("init -q", "add .", "-c user.name=a -c user.email=a@example.org commit -qm x"):
            subprocess.run(["git", *words.split()], cwd=self.root, check=True)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def edit(self, old: str, new: str) -> None:
        path = self.root / "a/TTCONFIG.yaml"
        assert path.read_text().count(old) == 1
        path.write_text(path.read_text().replace(old, new))

    def say(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *words], cwd=cwd or self.root, env=self._environ, capture_output=True, text=True, check=False
        )

    def run(self, *words: str) -> dict[str, list[str]]:
        """Run, and return the labels by what became of them, without their experiment."""
        done = self.say("--json", "run", *words)
        found: dict[str, list[str]] = {}
        for target in json.loads(done.stdout)["targets"]:
            found.setdefault(target["outcome"], []).append(target["label"].partition(":")[2])
        return {outcome: sorted(labels) for outcome, labels in found.items()}

    def value(self, label: str) -> Any:
        return json.loads(Path(self.say("pull", label).stdout.strip(), "value.txt").read_text())


def members(family: str, **axes: list[object]) -> list[str]:
    found = [""]
    for axis, values in axes.items():
        found = [f"{one}{',' if one else ''}{axis}={value}" for one in found for value in values]
    return sorted(f"{family}@{one}" for one in found)


def made(found: Mapping[str, list[str]]) -> list[str]:
    return found.get("executed", [])


@pytest.fixture
def grid(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, GRID)


def test_a_value_more_on_an_axis_runs_the_new_members_and_what_depends_on_them(grid: Workspace) -> None:
    assert len(made(grid.run("//a:best"))) == 4 + 4 + 2 + 1

    grid.edit("{lr: [0.1, 0.2], seed: {range: 2}}", "{lr: [0.1, 0.2, 0.3], seed: {range: 2}}")
    grid.edit("mean: {each: {lr: [0.1, 0.2]}", "mean: {each: {lr: [0.1, 0.2, 0.3]}")
    more = grid.run("//a:best")

    assert made(more) == sorted(
        [
            *members("train", lr=[0.3], seed=[0, 1]),
            *members("eval", lr=[0.3], seed=[0, 1]),
            *("mean@lr=0.3", "best"),
        ]
    )
    assert [row["at"] for row in grid.value("//a:best")["means"]] == [{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.3}]


def test_a_seed_more_runs_one_member_of_each_cell(grid: Workspace) -> None:
    grid.run("//a:best")
    grid.edit("{range: 2}", "{range: 3}")

    assert made(grid.run("//a:best")) == sorted(
        [
            *members("train", lr=[0.1, 0.2], seed=[2]),
            *members("eval", lr=[0.1, 0.2], seed=[2]),
            *("mean@lr=0.1", "mean@lr=0.2", "best"),
        ]
    )


def test_the_order_of_axes_and_another_name_of_a_family_run_nothing_below_what_sees_them(grid: Workspace) -> None:
    grid.run("//a:best")
    grid.edit("{lr: [0.1, 0.2], seed: {range: 2}}", "{seed: {range: 2}, lr: [0.2, 0.1]}")

    assert made(grid.run("//a:best")) == []
    assert grid.value("//a:train@lr=0.2,seed=1") == {"lr": 0.2, "seed": 1}


def test_a_fold_more_runs_its_members_and_the_result_alone_and_under_axes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, KFOLD)
    workspace.run("//a:cv", "//a:search")
    workspace.edit("k: {int: 2}", "k: {int: 3}")
    more = workspace.run("//a:cv", "//a:search")

    assert made(more) == sorted(
        [
            *("cv", "cv.train@fold=2", "search@q=1", "search@q=2"),
            *members("search.train", q=[1, 2], fold=[2]),
        ]
    )


def test_a_failed_member_holds_back_what_needs_it_and_nothing_else(grid: Workspace) -> None:
    grid.edit("{lr: [0.1, 0.2], seed: {range: 2}}", "{lr: [0.1, 0.5], seed: {range: 2}}")
    grid.edit("mean: {each: {lr: [0.1, 0.2]}", "mean: {each: {lr: [0.1, 0.5]}")
    found = grid.run("//a:best")

    assert found["failed"] == members("train", lr=[0.5], seed=[0, 1])
    assert found["blocked"] == sorted([*members("eval", lr=[0.5], seed=[0, 1]), "mean@lr=0.5", "best"])
    assert made(found) == sorted(
        [*members("train", lr=[0.1], seed=[0, 1]), *members("eval", lr=[0.1], seed=[0, 1]), "mean@lr=0.1"]
    )

    grid.edit('args: {means: ":mean@*"}', 'args: {means: ":mean@*"}, except: {means: [{lr: 0.5}]}')
    assert made(grid.run("//a:best")) == ["best"]
    assert [row["at"] for row in grid.value("//a:best")["means"]] == [{"lr": 0.1}]


def test_patterns_name_and_exclude_members_by_value(grid: Workspace) -> None:
    assert made(grid.run("//a:train@lr=1e-1,*", "-//a:train@seed=1")) == ["train@lr=0.1,seed=0"]
    assert made(grid.run("//a:train", "-//a:train@lr=0.2")) == ["train@lr=0.1,seed=1"]
    assert made(grid.run("//a:eval@lr=2e-1,seed=0")) == ["eval@lr=0.2,seed=0", "train@lr=0.2,seed=0"]

    refused = grid.say("run", "//a:train@lr=0.7")
    assert (refused.returncode, "//a:train@lr=0.7" in refused.stderr) == (4, True)


def test_sources_by_date_are_pinned_each_and_a_longer_range_is_a_backfill(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, DAYS)
    for day in ("2026-01-30", "2026-01-31", "2026-02-01"):
        workspace.write(f"days/{day}.txt", day)
    first = workspace.run("//a:all")
    lock = (workspace.root / "a/TTLOCK.yaml").read_text()

    assert made(first) == ["all", "clean@d=2026-01-30", "clean@d=2026-01-31"]
    assert [f"days/2026-{day}.txt" in lock for day in ("01-30", "01-31", "02-01")] == [True, True, False]

    workspace.edit("to: 2026-01-31", "to: 2026-02-01")
    assert workspace.say("run", "--locked", "//a:all").returncode == 3
    assert made(workspace.run("//a:all")) == ["all", "clean@d=2026-02-01"]
    pinned = (workspace.root / "a/TTLOCK.yaml").read_text()
    assert [line for line in lock.splitlines() if "days/" in line and line not in pinned] == []
    assert workspace.value("//a:clean@d=2026-02-01")["day"] == "2026-02-01"


def test_the_exclusion_of_members_needs_no_blank_before_it(grid: Workspace) -> None:
    listed = grid.say("ls", "--members", "//a:train", "-//a:train@lr=0.1").stdout

    assert [line.split()[0] for line in listed.splitlines() if "//a:train" in line] == [
        "//a:train@lr=0.2,seed=0",
        "//a:train@lr=0.2,seed=1",
    ]
