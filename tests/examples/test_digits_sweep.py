"""The sweep of the example, small, by the whole program: each cell is cross-validated, and the best one goes on."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAM = (sys.executable, "-m", "traintrack")
SWEEP = "//runs/digits/2026-05_sweep"
COMPARE = f"{SWEEP}:compare"
SMALL = ("--profile", "smoke")
BEHIND = {f"{SWEEP}:{name}" for name in ("model", "holdout_predictions", "evaluation", "compare")}
CELLS = tuple(f"{SWEEP}:search@learning_rate=0.05,hidden={hidden}" for hidden in (32, 64))


class Digits:
    """The example in a repository of its own; Python environments are kept from one session of tests to the next."""

    def __init__(self, folder: Path, kept: Path) -> None:
        self.root = folder / "digits"
        self.config = self.root / "runs/digits/2026-05_sweep/TTCONFIG.yaml"
        # uv keeps the packages where it always does, or each session would fetch them anew.
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        assert uv, "uv stands in requirements/dev.lock"
        packages = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
        self._environ = {
            **os.environ,
            "HOME": str(folder),
            "CI": "",
            "PATH": f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}",
            "UV_CACHE_DIR": packages,
            "XDG_CACHE_HOME": str(kept),
            "XDG_DATA_HOME": str(folder / "data"),
        }
        self.run("init", "--example", "digits", str(self.root), cwd=folder)
        for words in ("init -q", "add .", "-c user.name=a -c user.email=a@example.org commit -qm x"):
            subprocess.run(["git", *words.split()], cwd=self.root, env=self._environ, check=True)

    def run(self, *words: str, cwd: Path | None = None) -> str:
        """Return what a command of traintrack that succeeds prints on stdout."""
        command = [*PROGRAM, *words]
        done = subprocess.run(
            command, cwd=cwd or self.root, env=self._environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def outcomes(self, *words: str) -> dict[str, str]:
        """Run, and map the label of each target in the run's answer to what became of it."""
        rows = json.loads(self.run("run", "--json", *words))["targets"]
        return {row["label"]: row["outcome"] for row in rows}

    def file(self, label: str, name: str) -> Any:
        """Return a file of JSON in a result of the small run."""
        [one] = json.loads(self.run("pull", "--json", *SMALL, label))["targets"]
        return json.loads((Path(one["path"]) / name).read_text(encoding="utf-8"))

    @contextmanager
    def further_hidden(self, value: int) -> Iterator[None]:
        """Add a value to the axis `hidden` of the small grid for a while."""
        text = self.config.read_text(encoding="utf-8")
        assert text.count("hidden: [32, 64]}") == 1
        self.config.write_text(text.replace("hidden: [32, 64]}", f"hidden: [32, 64, {value}]}}"), encoding="utf-8")
        try:
            yield
        finally:
            self.config.write_text(text, encoding="utf-8")


def members_of_cell(hidden: int) -> set[str]:
    """What is made for a cell of the small grid: all but its folds, which other cells have too."""
    cell = f"learning_rate=0.05,hidden={hidden}"
    parts = ("model", "predictions", "evaluation")
    return {f"{SWEEP}:search@{cell}"} | {
        f"{SWEEP}:search.{part}@{cell},fold={fold}" for part in parts for fold in (0, 1)
    }


def labels(outcomes: dict[str, str], outcome: str) -> set[str]:
    return {label for label, became in outcomes.items() if became == outcome}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    kept = Path(tempfile.gettempdir()) / f"traintrack-test-environments-{os.getuid()}" / "cache"
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Digits(tmp_path_factory.mktemp("sweep"), kept)


@pytest.fixture(scope="module")
def first(digits: Digits) -> dict[str, str]:
    """What became of the targets of the first small run."""
    return digits.outcomes(*SMALL, COMPARE)


def test_the_cell_with_the_best_mean_over_its_folds_is_trained_and_compared(
    digits: Digits, first: dict[str, str]
) -> None:
    means = {}
    for cell in CELLS:
        folds = [cell.replace(":search@", ":search.evaluation@") + f",fold={fold}" for fold in (0, 1)]
        measured = [digits.file(fold, "metrics.json")["accuracy"] for fold in folds]
        told = digits.file(cell, "metrics.json")
        means[cell] = told["accuracy"]
        assert told["folds"] == 2
        assert told["accuracy"] == pytest.approx(statistics.mean(measured), abs=1e-6)
        assert told["accuracy_sd"] == pytest.approx(statistics.stdev(measured), abs=1e-6)
    chosen = digits.file(f"{SWEEP}:best", "parameters.json")

    assert set(first.values()) == {"executed"}
    assert f"{SWEEP}:search@learning_rate=0.05,hidden={chosen['hidden']}" == max(means, key=lambda cell: means[cell])
    assert means[CELLS[0]] != means[CELLS[1]]
    assert f"train with {json.dumps(chosen, sort_keys=True)}" in digits.run("log", *SMALL, f"{SWEEP}:model")
    compared, alone = (digits.file(f"{SWEEP}:{name}", "metrics.json") for name in ("compare", "evaluation"))
    assert (compared["accuracy"], compared["rows"]) == (alone["accuracy"], 360)
    digits.run("pull", *SMALL, "--output", str(digits.root.parent / "report"), COMPARE)
    report = (digits.root.parent / "report/compare/reports/compare.html").read_text(encoding="utf-8")
    assert "<h1>2026-05 sweep against 2026-04-16 more data</h1>" in report


def test_folds_are_cut_once_for_all_cells_that_share_them(digits: Digits, first: dict[str, str]) -> None:
    ids = [line.split()[0] for line in digits.run("hash", *SMALL, f"{SWEEP}:search.split@*").splitlines()]

    assert (len(ids), len(set(ids))) == (4, 2)


def test_a_second_run_has_nothing_left_to_do(digits: Digits, first: dict[str, str]) -> None:
    again = digits.outcomes(*SMALL, f"{SWEEP}:*")

    assert set(again) >= {label for label in first if label.startswith(f"{SWEEP}:")}
    assert set(again.values()) == {"reused"}


def test_a_further_value_that_loses_runs_its_own_members_and_the_choice(digits: Digits, first: dict[str, str]) -> None:
    before = digits.file(f"{SWEEP}:best", "parameters.json")
    with digits.further_hidden(16):
        outcomes = digits.outcomes(*SMALL, f"{SWEEP}:*")
        metrics, after = (digits.file(f"{SWEEP}:best", name) for name in ("metrics.json", "parameters.json"))

    assert (metrics["cells"], after) == (3, before)
    assert labels(outcomes, "executed") == {*members_of_cell(16), f"{SWEEP}:best"}
    assert labels(outcomes, "same-inputs") == BEHIND
    assert set(outcomes.values()) == {"executed", "same-inputs", "reused"}


def test_a_further_value_that_wins_runs_its_own_members_and_all_that_depends_on_the_choice(
    digits: Digits, first: dict[str, str]
) -> None:
    with digits.further_hidden(256):
        outcomes = digits.outcomes(*SMALL, f"{SWEEP}:*")
        chosen = digits.file(f"{SWEEP}:best", "parameters.json")

    assert chosen == {"hidden": 256, "learning_rate": 0.05}
    assert labels(outcomes, "executed") == {*members_of_cell(256), f"{SWEEP}:best", *BEHIND}
    assert set(outcomes.values()) == {"executed", "reused"}


def test_the_full_sweep_is_none_the_wiser_of_the_small_one(digits: Digits, first: dict[str, str]) -> None:
    rows = json.loads(digits.run("status", "--json", f"{SWEEP}:search@*"))["targets"]

    assert {row["label"]: row["state"] for row in rows} == {
        f"{SWEEP}:search@learning_rate={rate},hidden={hidden}": "missing"
        for rate in (0.05, 0.2)
        for hidden in (32, 64, 128)
    }
