"""A family in a run of the whole program: what failed is told as one, and the lines to go on without it are right."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "traintrack")
CONFIG = """\
defaults: {image: py, commit: HEAD}
targets:
  score: {task: score, each: {lr: [0.1, 0.3], fold: [0, 1, 2]}, args: {lr: "${lr}", fold: "${fold}"}}
  best:
    task: best
    args: {scores: ":score@*"}
"""
PER_LR = """\
  mean:
    task: best
    each: {lr: [0.1, 0.3]}
    args: {scores: ":score@.,*"}
"""
SCORE = """\
import json, pathlib, sys
args = json.loads(pathlib.Path(sys.argv[1]).read_text())
if args["lr"] == 0.3 and args["fold"] in (0, 2):
    sys.exit("it diverged")
pathlib.Path(sys.argv[2], "score.txt").write_text(str(args["lr"]))
"""
BEST = """\
import json, pathlib, sys
rows = json.loads(pathlib.Path(sys.argv[1]).read_text())["scores"]
pathlib.Path(sys.argv[2], "count.txt").write_text(str(len(rows)))
"""


class Workspace:
    def __init__(self, root: Path, config: str) -> None:
        self.root = root / "w"
        self._environ = {
            **os.environ,
            "HOME": str(root),
            "CI": "",
            "XDG_CACHE_HOME": str(root / "cache"),
            "XDG_DATA_HOME": str(root / "data"),
        }
        assert self.say("init", str(self.root), cwd=root).returncode == 0
        (self.root / "src/score.py").write_text(SCORE)
        (self.root / "src/best.py").write_text(BEST)
        (self.root / "a").mkdir()
        (self.root / "a/TTCONFIG.yaml").write_text(config)
        for words in ("init -q", "add .", "-c user.name=a -c user.email=a@example.org commit -qm x"):
            subprocess.run(["git", *words.split()], cwd=self.root, check=True)

    def say(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [*PROGRAM, *words]
        return subprocess.run(
            command, cwd=cwd or self.root, env=self._environ, capture_output=True, text=True, check=False
        )

    def paste(self, told: str, behind: str) -> None:
        """Write the lines that are told below "add" into the target whose last line is `behind`."""
        lines = told.splitlines()
        first = next(n for n, line in enumerate(lines) if line.endswith(f"in target `{behind}`, add")) + 1
        lines = [line for line in lines[first : first + 1] if line.startswith("      ")]
        path = self.root / "a/TTCONFIG.yaml"
        head, mark, tail = path.read_text().partition(f"  {behind}:\n")
        path.write_text(head + mark + "".join(f"{line[2:]}\n" for line in lines) + tail)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, CONFIG + PER_LR)


def test_failed_members_are_one_block_and_its_lines_let_the_rest_go_on(workspace: Workspace) -> None:
    failed = workspace.say("run", "//a:*")
    lines = failed.stderr.splitlines()

    assert failed.returncode == 1
    assert len([line for line in lines if "FAILED" in line]) == 1
    first = lines.index("2 of 6 of //a:score failed: lr=0.3,fold=0 · lr=0.3,fold=2")
    assert lines[first + 2 : first + 7] == [
        "  run them again    traintrack run '//a:score@lr=0.3,fold=0' '//a:score@lr=0.3,fold=2'",
        "  go on without them: in a/TTCONFIG.yaml, in target `best`, add",
        "      except: {scores: [{lr: 0.3, fold: 0}, {lr: 0.3, fold: 2}]}",
        "  go on without them: in a/TTCONFIG.yaml, in target `mean`, add",
        "      overrides: [{match: {lr: 0.3}, except: {scores: [{fold: 0}, {fold: 2}]}}]",
    ]

    for target in ("best", "mean"):
        workspace.paste(failed.stderr, target)
    done = workspace.say("run", "//a:best", "//a:mean")
    counts = {
        label: Path(workspace.say("pull", label).stdout.strip(), "count.txt").read_text()
        for label in ("//a:best", "//a:mean@lr=0.1", "//a:mean@lr=0.3")
    }

    assert done.returncode == 0, done.stderr
    assert counts == {"//a:best": "4", "//a:mean@lr=0.1": "3", "//a:mean@lr=0.3": "1"}


def test_a_family_is_one_row_in_every_view(workspace: Workspace) -> None:
    plan = workspace.say("run", "-n", "//a:score")
    workspace.say("run", "//a:score")
    listed, members = workspace.say("ls", "//..."), workspace.say("ls", "--members", "//a:*")
    status = workspace.say("status", "//a:*").stdout.splitlines()

    assert " ".join(plan.stdout.split()) == "● run //a:score@* 6 would run: never built"
    assert [line.split()[0] for line in listed.stdout.splitlines() if "//a" in line] == [
        "//a:score@*",
        "//a:best",
        "//a:mean@*",
    ]
    assert "6 members: lr × fold (2 × 3)" in listed.stdout
    assert len(members.stdout.splitlines()) == 6 + 1 + 2
    assert status[0].split() == ["✗", "failed", "//a:score@*", "2", "failed", "·", "4", "cached"]
    assert [line.split()[:3] for line in status[1:3]] == [["✗", "failed", f"lr=0.3,fold={n}"] for n in (0, 2)]
