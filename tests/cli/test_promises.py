"""What must not be possible, over real workspaces with real processes: stale results, needless reruns, foreign code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = (sys.executable, "-m", "traintrack")
WORKSPACE = """\
workspace: promises
defaults: {paths: [src]}
images:
  sh: {python: "3.11", lock: requirements.lock, entrypoint: [sh]}
  py: {python: "3.11", lock: requirements.lock}
tasks:
  src/copy.sh: {args_schema: schema.json}
environments:
  local: {runner: local, storage: STORE}
"""
EXPERIMENT = """\
defaults: {image: sh, commit: HEAD}
targets:
  made:
    task: src/make.sh
    args: {word: one}
  copied:
    task: src/copy.sh
    args: {from: ":made/word.txt"}
"""
MAKE = 'sed -n \'s/^  "word": "\\(.*\\)"$/\\1/p\' "$1" > "$2/word.txt"\n'
COPY = 'cp "$(sed -n \'s/^  "from": "\\(.*\\)"$/\\1/p\' "$1")" "$2/word.txt"\n'
IMPORTS = 'import os, sys\nimport hidden\nopen(os.path.join(sys.argv[2], "x"), "w").write("x")\n'
SCHEMA = {
    "type": "object",
    "properties": {"from": {"type": "string"}},
    "required": ["from"],
    "additionalProperties": False,
}


class Place:
    """A workspace under git with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.root, self.store = folder / "w", folder / "store"
        self.environ = {**os.environ, "HOME": str(folder / "home"), "CI": ""}
        self.write("TTWORKSPACE.yaml", WORKSPACE.replace("STORE", str(self.store)))
        self.write("requirements.lock", "")
        self.write("schema.json", json.dumps(SCHEMA))
        self.write("src/make.sh", MAKE)
        self.write("src/copy.sh", COPY)
        self.write("src/imports.py", IMPORTS)
        self.write("lib/hidden.py", "")
        self.write("e/TTCONFIG.yaml", EXPERIMENT)
        self.git("init", "-q")
        self.commit()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, env=self.environ, check=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("-c", "user.name=a", "-c", "user.email=a@example.invalid", "commit", "-qm", "x", "--allow-empty")

    def call(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *words],
            cwd=self.root,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def run(self, *words: str, code: int = 0) -> dict[str, str]:
        """Run and return the outcome of each label."""
        done = self.call("run", "--json", *words)
        assert done.returncode == code, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        return {row["label"]: row["outcome"] for row in document["targets"]}

    def result(self, label: str) -> str:
        return (Path(self.call("pull", label).stdout.strip()) / "word.txt").read_text().strip()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_change_of_code_or_arguments_is_never_answered_with_an_old_result(place: Place) -> None:
    place.run("//e:copied")
    assert place.result("//e:copied") == "one"

    place.write("e/TTCONFIG.yaml", EXPERIMENT.replace("word: one", "word: two"))
    assert place.run("//e:copied") == {"//e:made": "executed", "//e:copied": "executed"}
    assert place.result("//e:copied") == "two"

    place.write("src/copy.sh", COPY + 'echo more >> "$2/word.txt"\n')
    place.commit()
    place.run("//e:copied")
    assert place.result("//e:copied").splitlines() == ["two", "more"]


def test_a_cosmetic_change_runs_nothing(place: Place) -> None:
    place.run("//e:copied")

    text = EXPERIMENT.replace("    args: {word: one}", "    # a remark\n    args:\n      word: 'one'\r")
    place.write("e/TTCONFIG.yaml", text)
    place.write("README.md", "not in paths")
    place.commit()

    assert place.run("//e:copied") == {"//e:copied": "reused"}


def test_a_change_that_leaves_the_bytes_equal_is_cut_off(place: Place) -> None:
    place.run("//e:copied")

    place.write("e/TTCONFIG.yaml", EXPERIMENT.replace("{word: one}", "{word: one, unused: 1}"))

    assert place.run("//e:copied") == {"//e:made": "executed", "//e:copied": "same-inputs"}


def test_a_task_sees_nothing_of_the_repository_but_its_paths_and_the_failure_names_the_line(place: Place) -> None:
    place.write("e/TTCONFIG.yaml", EXPERIMENT + "  bad: {task: imports, image: py}\n")

    done = place.call("run", "//e:bad")

    assert done.returncode == 1
    assert (
        "`hidden` is lib/hidden.py, which is not in `paths` (src); add `lib` to `paths` in TTWORKSPACE.yaml:2"
        in done.stderr
    )


def test_arguments_are_checked_against_the_schema_before_anything_runs(place: Place) -> None:
    place.write("e/TTCONFIG.yaml", EXPERIMENT.replace("from:", "form:"))

    done = place.call("run", "//e:copied")

    assert done.returncode == 3
    assert "e/TTCONFIG.yaml:8:" in done.stderr
    assert not (place.store / "run").exists() or not list((place.store / "run").iterdir())


def test_external_data_is_pinned_and_brought_in_and_later_changes_of_it_matter_only_when_pinned(place: Place) -> None:
    place.write("data/words/word.txt", "from outside\n")
    config = EXPERIMENT.replace(":made/word.txt", ":raw/word.txt") + "  raw: {source: data/words}\n"
    place.write("e/TTCONFIG.yaml", config)

    assert place.run("//e:copied")["//e:copied"] == "executed"
    assert place.result("//e:copied") == "from outside"
    assert "data/words" in (place.root / "e/TTLOCK.yaml").read_text()

    place.write("data/words/word.txt", "changed\n")
    assert place.run("//e:copied") == {"//e:copied": "reused"}
    assert place.call("lock", "--update", "//e:raw").returncode == 0
    assert place.run("//e:copied")["//e:copied"] == "executed"
    assert place.result("//e:copied") == "changed"


def test_data_that_is_not_what_was_pinned_is_refused_by_both_names(place: Place) -> None:
    place.write("data/word.txt", "from outside\n")
    place.write(
        "e/TTCONFIG.yaml", EXPERIMENT.replace(":made/word.txt", ":raw/word.txt") + "  raw: {source: data/word.txt}\n"
    )
    assert place.call("lock", "//e:*").returncode == 0
    place.write("data/word.txt", "changed\n")

    done = place.call("run", "//e:copied")

    assert done.returncode == 8
    assert "is not what it was pinned to" in done.stderr
    assert "lock --update //e:raw" in done.stderr


def test_a_secret_reaches_the_task_and_nothing_else(place: Place) -> None:
    canary = "canary-7f3a9c"
    place.write("src/secret.sh", 'test -n "$TOKEN" && echo "${#TOKEN} $TOKEN" && echo "${#TOKEN}" > "$2/word.txt"\n')
    place.commit()
    place.write("e/TTCONFIG.yaml", EXPERIMENT + "  s: {task: src/secret.sh, secrets: {TOKEN: {env: MY_TOKEN}}}\n")

    assert place.call("run", "//e:s").returncode == 6
    done = place.call("run", "//e:s", MY_TOKEN=canary)

    assert done.returncode == 0, done.stderr
    assert place.result("//e:s") == str(len(canary))
    found = [p for p in place.store.rglob("*") if p.is_file() and canary.encode() in p.read_bytes()]
    assert found == []
    assert canary not in done.stderr + place.call("log", "//e:s").stdout


def test_damaged_bytes_are_refused_by_pull_and_healed_by_run(place: Place) -> None:
    place.run("//e:copied")
    made = Path(place.call("pull", "//e:made").stdout.strip()) / "word.txt"
    made.chmod(0o644)
    made.write_text("ONE\n")

    assert place.call("pull", "//e:made").returncode == 8

    place.write("e/TTCONFIG.yaml", EXPERIMENT.replace('":made/word.txt"', '":made/word.txt"\n      '))
    place.write("src/copy.sh", COPY + "true\n")
    place.commit()
    outcomes = place.run("//e:copied")
    assert outcomes["//e:copied"] in ("executed", "same-inputs")
    assert place.result("//e:copied") == "one"


def test_a_change_outside_the_id_runs_nothing_and_why_names_it(place: Place) -> None:
    with_workers = EXPERIMENT.replace("args: {word: one}", "args: {word: one}\n    unhashed: {workers: 2}")
    place.write("e/TTCONFIG.yaml", with_workers)
    place.run("//e:made")

    place.write("e/TTCONFIG.yaml", with_workers.replace("workers: 2", "workers: 8"))

    assert place.run("//e:made") == {"//e:made": "reused"}
    assert "unhashed.workers" in place.call("why", "//e:made").stdout


def test_a_plan_says_what_a_run_would_refuse_of_arguments(tmp_path: Path) -> None:
    place = Place(tmp_path)
    text = EXPERIMENT.replace("args: {from", 'each: {n: [1, 2]}\n    args: {n: "${n}", from')
    place.write("e/TTCONFIG.yaml", text)

    planned = place.call("run", "-n", "//e:copied")

    assert planned.returncode == 3
    assert "unknown argument `n` (in `copied@n=1`)" in planned.stderr
    assert "and 1 more member" in planned.stderr


def test_a_pull_tells_where_the_copy_is_without_a_step_up(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert place.call("run", "//e:made").returncode == 0

    pulled = place.call("pull", "//e:made", "-o", "../copies")

    assert pulled.stdout.strip() == str(tmp_path / "copies" / "made")
    assert (tmp_path / "copies" / "made" / "word.txt").read_text() == "one\n"
