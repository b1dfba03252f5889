"""The tasks of the example, run as anybody would run them: no traintrack in sight."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
EXPERIMENTS = sorted((EXAMPLE / "runs" / "digits").iterdir())
TRAINING = {"hidden": 16, "learning_rate": 0.02, "momentum": 0.9, "batch_size": 32, "weight_decay": 1e-4, "seed": 1}


@dataclass(frozen=True)
class Done:
    """A task that has ended: its exit code, all it said, and its output folder."""

    exit_code: int
    said: str
    output: Path


@pytest.fixture(scope="session")
def python() -> Path:
    """The interpreter of the example's own locked environment; made once per lock file and kept."""
    lock = EXAMPLE / "requirements.lock"
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"traintrack-test-environments-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    made = place / key
    with (place / f"{key}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (made / "complete").exists():
            shutil.rmtree(made, ignore_errors=True)
            uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
            assert uv, "uv stands in requirements/dev.lock"
            subprocess.run([uv, "venv", "-q", "--python", sys.executable, made], check=True)
            # Compiled once, or else every task of every test would compile scikit-learn anew.
            options = ["-q", "--require-hashes", "--compile-bytecode", "--python", made / "bin" / "python"]
            subprocess.run([uv, "pip", "sync", *options, lock], check=True)
            (made / "complete").touch()
    return made / "bin" / "python"


@pytest.fixture(scope="session")
def task(python: Path) -> Callable[..., Done]:
    def run(name: str, output: Path, config: Mapping[str, Any], checkpoints: Path | None = None) -> Done:
        output.mkdir(parents=True)
        config_file = output.with_name(f"{output.name}.config")
        config_file.write_text(json.dumps(config), encoding="utf-8")
        world = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(EXAMPLE / "src"), "OPENBLAS_NUM_THREADS": "1"}
        world["PYTHONDONTWRITEBYTECODE"] = "1"
        if checkpoints:
            world["TRAINTRACK_CHECKPOINT_DIR"] = str(checkpoints)
        command = [python, "-m", name, config_file, output]
        ended = subprocess.run(command, env=world, cwd=output.parent, capture_output=True, text=True, check=False)
        return Done(ended.returncode, ended.stdout + ended.stderr, output)

    return run


def make_everything(task: Callable[..., Done], root: Path) -> dict[str, Done]:
    """Run the whole graph with short trainings, in an order that respects it."""
    done = {
        "holdout": task("build_dataset", root / "holdout", {"part": "holdout", "rows": 360, "seed": 7}),
        "training_data": task("build_dataset", root / "training", {"part": "training", "rows": 400, "seed": 7}),
    }
    for side, epochs in (("old", 3), ("new", 20)):
        config = {**TRAINING, "dataset": str(root / "training"), "epochs": epochs}
        done[f"{side}_model"] = task("train_model", root / f"{side}_model", config)
        inputs = {"model": str(root / f"{side}_model"), "dataset": str(root / "holdout")}
        done[f"{side}_predictions"] = task("predict", root / f"{side}_predictions", inputs)
        inputs = {"predictions": str(root / f"{side}_predictions"), "dataset": str(root / "holdout")}
        done[f"{side}_evaluation"] = task("evaluate", root / f"{side}_evaluation", inputs)
    sides = {
        side: {"name": f"the <{side}> one", "predictions": str(root / f"{side}_predictions")} for side in ("old", "new")
    }
    done["compare"] = task("compare_models", root / "compare", {"dataset": str(root / "holdout"), **sides})
    done["split"] = task("split_fold", root / "split", {"dataset": str(root / "training"), "folds": 4, "fold": 1})
    entries = [
        {"at": {"hidden": 16, "learning_rate": 0.02, "epochs": epochs}, "path": str(root / f"{side}_evaluation")}
        for side, epochs in (("old", 3), ("new", 20))
    ]
    done["average"] = task("average_folds", root / "average", {"evaluations": entries})
    done["best"] = task("pick_best", root / "best", {"cells": entries, "metric": "accuracy"})
    return done


@pytest.fixture(scope="session")
def made(task: Callable[..., Done], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    return make_everything(task, tmp_path_factory.mktemp("digits"))


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_task_succeeds_and_leaves_the_outputs_that_the_workspace_declares(made: dict[str, Done]) -> None:
    declared = yaml.safe_load((EXAMPLE / "TTWORKSPACE.yaml").read_text(encoding="utf-8"))["tasks"]
    commands = {"holdout": "build_dataset", "old_model": "train_model", "old_predictions": "predict"}
    commands |= {"old_evaluation": "evaluate", "compare": "compare_models"}
    commands |= {"split": "split_fold", "average": "average_folds", "best": "pick_best"}
    missing = [
        f"{name}/{path}"
        for name, command in commands.items()
        for path in declared[command]["outputs"].values()
        if not (made[name].output / path).exists()
    ]

    assert [(name, done.said) for name, done in made.items() if done.exit_code != 0] == []
    assert set(commands.values()) == set(declared)
    assert missing == []


def test_two_runs_give_the_same_bytes(made: dict[str, Done], task: Callable[..., Done], tmp_path: Path) -> None:
    again = make_everything(task, tmp_path)

    assert {n: bytes_below(d.output) for n, d in again.items()} == {n: bytes_below(d.output) for n, d in made.items()}


def test_archives_carry_no_time(made: dict[str, Done]) -> None:
    archives = [path for done in made.values() for path in done.output.rglob("*.npz")]
    times = {item.date_time for path in archives for item in zipfile.ZipFile(path).infolist()}

    assert len(archives) == 6
    assert times == {(1980, 1, 1, 0, 0, 0)}


def test_no_digit_of_the_holdout_is_trained_on(task: Callable[..., Done], python: Path, tmp_path: Path) -> None:
    task("build_dataset", tmp_path / "holdout", {"part": "holdout", "rows": 360, "seed": 7})
    task("build_dataset", tmp_path / "all", {"part": "training", "rows": 1437, "seed": 7})
    program = (
        "import numpy as np\n"
        "rows = lambda name: {r.tobytes() for r in np.load(name + '/dataset.npz')['images']}\n"
        "print(len(rows('all')), len(rows('holdout')), len(rows('all') & rows('holdout')))"
    )
    counted = subprocess.run([python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert counted.stdout.split() == ["1437", "360", "0"]


def test_more_rows_than_there_are_is_told_in_one_line(task: Callable[..., Done], tmp_path: Path) -> None:
    done = task("build_dataset", tmp_path / "out", {"part": "training", "rows": 2000, "seed": 7})

    assert done.exit_code == 1
    assert done.said == "`rows` is 2000, but the training part has only 1437\n"


def test_each_row_is_measured_on_in_one_fold_and_trained_on_in_the_others(
    made: dict[str, Done], task: Callable[..., Done], python: Path, tmp_path: Path
) -> None:
    data = made["training_data"].output
    for fold in range(3):
        task("split_fold", tmp_path / str(fold), {"dataset": str(data), "folds": 3, "fold": fold})
    program = (
        "import collections, sys, numpy as np\n"
        "rows = lambda path: [r.tobytes() for r in np.load(path + '/dataset.npz')['images']]\n"
        "parts = [[rows(f'{fold}/{part}') for part in ('training', 'validation')] for fold in range(3)]\n"
        "whole = collections.Counter(rows(sys.argv[1]))\n"
        "measured = collections.Counter(row for _, part in parts for row in part)\n"
        "print(measured == whole, all(collections.Counter(a + b) == whole for a, b in parts))\n"
        "print(*(len(b) for _, b in parts))"
    )
    ended = subprocess.run([python, "-c", program, data], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert ended.stdout.split("\n")[:2] == ["True True", "134 133 133"]


@pytest.mark.parametrize(("fold", "folds"), [(3, 3), (-1, 3), (0, 1), (0, 401)])
def test_a_fold_that_there_is_not_is_told_in_one_line(
    made: dict[str, Done], task: Callable[..., Done], tmp_path: Path, fold: int, folds: int
) -> None:
    config = {"dataset": str(made["training_data"].output), "folds": folds, "fold": fold}
    done = task("split_fold", tmp_path / "out", config)

    assert (done.exit_code, done.said) == (1, f"there is no fold {fold} of {folds} in 400 rows\n")


def test_folds_are_averaged_with_the_deviation_of_a_sample(task: Callable[..., Done], tmp_path: Path) -> None:
    entries = []
    for fold, accuracy in enumerate((0.9, 0.93, 0.96)):
        folder = tmp_path / str(fold)
        folder.mkdir()
        (folder / "metrics.json").write_text(json.dumps({"accuracy": accuracy, "f1_macro": 0.5}))
        entries.append({"at": {"fold": fold}, "path": str(folder)})

    several = task("average_folds", tmp_path / "several", {"evaluations": entries})
    single = task("average_folds", tmp_path / "single", {"evaluations": entries[:1]})

    expected = {"folds": 3, "accuracy": 0.93, "accuracy_sd": 0.03, "f1_macro": 0.5, "f1_macro_sd": 0.0}
    assert read_json(several.output / "metrics.json") == expected
    assert read_json(single.output / "metrics.json")["accuracy_sd"] == 0.0


def test_the_best_cell_is_picked_and_of_equal_ones_the_first(task: Callable[..., Done], tmp_path: Path) -> None:
    cells = []
    for hidden, accuracy in ((8, 0.9), (16, 0.95), (32, 0.95), (64, 0.91)):
        folder = tmp_path / str(hidden)
        folder.mkdir()
        (folder / "metrics.json").write_text(json.dumps({"accuracy": accuracy, "folds": 5}))
        cells.append({"at": {"hidden": hidden}, "path": str(folder)})

    done = task("pick_best", tmp_path / "best", {"cells": cells, "metric": "accuracy"})

    assert done.exit_code == 0
    assert read_json(done.output / "parameters.json") == {"hidden": 16}
    assert read_json(done.output / "metrics.json") == {"accuracy": 0.95, "cells": 4, "folds": 5}
    assert (done.output / "ranking.csv").read_text() == "hidden,accuracy\n16,0.95\n32,0.95\n64,0.91\n8,0.9\n"


def test_parameters_that_a_task_has_chosen_are_as_good_as_written_ones(
    made: dict[str, Done], task: Callable[..., Done], tmp_path: Path
) -> None:
    config: dict[str, Any] = {key: value for key, value in TRAINING.items() if key not in ("hidden", "learning_rate")}
    config |= {"dataset": str(made["training_data"].output), "parameters": str(made["best"].output / "parameters.json")}

    done = task("train_model", tmp_path / "out", config)

    assert 'train with {"epochs": 20, "hidden": 16, "learning_rate": 0.02}' in done.said
    assert bytes_below(done.output) == bytes_below(made["new_model"].output)


def test_a_training_that_goes_on_from_a_checkpoint_ends_with_the_same_bytes(
    made: dict[str, Done], task: Callable[..., Done], tmp_path: Path
) -> None:
    config = {**TRAINING, "dataset": str(made["training_data"].output), "checkpoint_every": 5}
    checkpoints = tmp_path / "checkpoints"
    first = task("train_model", tmp_path / "first", {**config, "epochs": 12}, checkpoints)
    (checkpoints / "epoch-00015.npz.tmp").write_bytes(b"half of a checkpoint")

    second = task("train_model", tmp_path / "second", {**config, "epochs": 20}, checkpoints)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "resume after epoch 10 of 20" in second.said
    assert bytes_below(second.output) == bytes_below(made["new_model"].output)


def test_training_tells_its_loss_per_epoch_and_how_far_it_is(made: dict[str, Done]) -> None:
    output = made["new_model"].output
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]

    assert [line["step"] for line in lines] == list(range(1, 21))
    assert lines[-1]["loss"] < lines[0]["loss"] / 5
    assert read_json(output / "progress.json") == {
        "step": 20,
        "total": 20,
        "message": f"epochs, loss {lines[-1]['loss']:.4f}",
    }


def test_the_numbers_of_the_comparison_agree_with_those_of_the_evaluations(made: dict[str, Done]) -> None:
    metrics = read_json(made["compare"].output / "metrics.json")
    old, new = (read_json(made[f"{side}_evaluation"].output / "metrics.json") for side in ("old", "new"))

    assert (metrics["accuracy_old"], metrics["accuracy"]) == (old["accuracy"], new["accuracy"])
    assert metrics["fixed"] - metrics["broken"] == old["errors"] - new["errors"]
    assert metrics["broken"] + metrics["still_wrong"] == new["errors"]
    assert new["accuracy"] > 0.85
    assert metrics["accuracy_change"] > 0
    assert metrics["chance_p"] < 0.05


def test_the_report_needs_no_other_file_and_escapes_what_a_user_wrote(made: dict[str, Done]) -> None:
    page = (made["compare"].output / "reports" / "compare.html").read_text(encoding="utf-8")
    metrics = read_json(made["compare"].output / "metrics.json")

    assert re.findall(r"(?:src|href)=|https?://|url\(|<script|@import", page) == []
    assert "the &lt;new&gt; one against the &lt;old&gt; one" in page
    assert "<old>" not in page
    assert page.count('aria-label="row ') == metrics["fixed"] + metrics["broken"] + metrics["still_wrong"]
    assert page.count('aria-label="Confusion matrix') == 2


def test_the_report_for_the_terminal_has_a_row_per_digit(made: dict[str, Done]) -> None:
    text = (made["compare"].output / "reports" / "compare.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| F1 of digit (\d) ", text, re.MULTILINE) == [str(digit) for digit in range(10)]
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda path: path.name)
def test_the_training_arguments_of_an_experiment_fit_the_schema(experiment: Path) -> None:
    schema = read_json(EXAMPLE / "schemas" / "train_model.json")
    workspace = yaml.safe_load((EXAMPLE / "TTWORKSPACE.yaml").read_text(encoding="utf-8"))
    args = yaml.safe_load((experiment / "TTCONFIG.yaml").read_text(encoding="utf-8"))["targets"]["model"]["args"]
    # PyYAML reads YAML 1.1, in which `1e-4` is text; traintrack reads it as the number that it is.
    args["weight_decay"] = float(args["weight_decay"])

    jsonschema.validate(args, schema)
    jsonschema.validate(args | workspace["tasks"]["train_model"]["unhashed"], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(args | {"epochs": "ten"}, schema)
    with pytest.raises(jsonschema.ValidationError, match="'hidden' is a required property"):
        jsonschema.validate({name: args[name] for name in args.keys() - {"hidden", "parameters"}}, schema)


def test_every_label_of_the_experiments_names_a_declared_target() -> None:
    declared, named = set(), set()
    for experiment in EXPERIMENTS:
        package = f"//{experiment.relative_to(EXAMPLE).as_posix()}"
        text = (experiment / "TTCONFIG.yaml").read_text(encoding="utf-8")
        declared |= {f"{package}:{name}" for name in yaml.safe_load(text)["targets"]}
        named |= {
            label if label.startswith("//") else package + label for label in re.findall(r'"((?://[^":]+)?:\w+)"', text)
        }

    assert len(named) >= 9
    assert named - declared == set()
