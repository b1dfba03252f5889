"""`traintrack init` in repositories as people have them, and that its first experiment runs: the next steps, one by one."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from traintrack.cli.schemas import document_schema

PROGRAM = (sys.executable, "-m", "traintrack")
BIN = str(Path(sys.executable).parent)

TRAIN = '''\
"""Fits a line."""

import argparse
import csv
import json
import os
from pathlib import Path

from plates.line import fit


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default="data/points.csv", help="points, one per row")
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--no-bias", dest="bias", action="store_false")
    parser.add_argument("--layers", nargs="*", type=int, default=[])
    parser.add_argument("--output-dir", default="runs/latest")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with open(args.data) as rows:
        points = [(float(x), float(y)) for x, y in csv.reader(rows)]
    slope, offset = fit(points, args.learning_rate, args.epochs, args.bias)
    os.makedirs(args.output_dir, exist_ok=True)
    with open(os.path.join(args.output_dir, "metrics.json"), "w") as out:
        json.dump({"slope": round(slope, 2), "offset": round(offset, 2)}, out)
    print(f"y = {slope:.2f} x + {offset:.2f}")


if __name__ == "__main__":
    main()
'''
LINE = """\
def fit(points, rate, epochs, bias):
    slope = offset = 0.0
    for _ in range(epochs):
        for x, y in points:
            error = slope * x + offset - y
            slope -= rate * error * x
            offset -= rate * error * bias
    return slope, offset
"""
REPOSITORY = {
    "train.py": TRAIN,
    "plates/__init__.py": "",
    "plates/line.py": LINE,
    "data/points.csv": "".join(f"{x},{2 * x + 1}\n" for x in range(5)),
    "tests/test_line.py": "",
    "README.md": "# plates\n",
}


class Repository:
    """A repository with a home of its own, in which nothing of traintrack is yet."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.root = folder / "plates"
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        who = {f"GIT_{role}_{part}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        self.environ = {**os.environ, **who, "HOME": str(folder / "home"), "CI": "", "PATH": path}
        self.environ.pop("XDG_CACHE_HOME", None)
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text, encoding="utf-8")
        self.shell("git init -q -b main && git add . && git commit -qm Begin")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *words],
            cwd=self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            line, shell=True, cwd=self.root, env=self.environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done

    def follow(self, printed: str) -> str:
        """Carry out the printed commands as a person would who copies them; return what the last one said."""
        said = ""
        for line in printed.splitlines():
            command = line.strip()
            if command.startswith("traintrack "):
                command = f"{shlex.join(PROGRAM)} {command.removeprefix('traintrack ')}"
            done = self.shell(command)
            said = done.stdout + done.stderr
        return said

    def result(self, label: str) -> Path:
        return Path(self.run("pull", label).stdout.strip())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path, REPOSITORY)


def test_the_first_experiment_of_a_repository_runs_as_it_is(repository: Repository) -> None:
    done = repository.run("init")
    said = repository.follow(done.stdout)

    assert done.returncode == 0
    assert "found  code in plates, train.py\n" in done.stderr
    assert "chose  image `py`: no file names packages, so the lock is empty\n" in done.stderr
    assert "note   to make a target of a script of yours: traintrack init --wrap train.py\n" in done.stderr
    assert "1 run" in said or "1 executed" in said or "✓" in said
    assert json.loads((repository.result("//experiments/first_look") / "packages.json").read_text()) is not None


def test_a_wrapped_script_runs_with_its_defaults_on_its_data(repository: Repository) -> None:
    printed = repository.run("init", "--wrap", "train.py").stdout
    repository.follow(printed)

    result = repository.result("//experiments/train")
    assert json.loads((result / "metrics.json").read_text()) == {"slope": 2.0, "offset": 1.0}
    assert "up to date" in repository.run("run", "//experiments/train").stderr


def test_a_changed_argument_of_a_wrapped_script_reaches_it(repository: Repository) -> None:
    printed = repository.run("init", "--wrap", "train.py").stdout
    repository.follow(printed)
    config = repository.root / "experiments/train/TTCONFIG.yaml"
    config.write_text(config.read_text().replace("bias: true", "bias: false"))
    done = repository.run("run", "//experiments/train")
    log = repository.run("log", "//experiments/train")

    assert done.returncode == 0, done.stderr
    assert "+ 0.00" in log.stdout
    # The number of workers cannot change the result.
    again = repository.run("run", "//experiments/train", "--set", "unhashed.workers=7")
    assert "up to date" in again.stderr


def test_hashed_requirements_are_installed_for_the_first_look(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    wheel = make_wheel(tmp_path / "wheels", "tinylib", "1.2.3")
    repository = Repository(tmp_path, {**REPOSITORY, "requirements.txt": f"tinylib==1.2.3 --hash=sha256:{wheel}\n"})
    repository.environ.update(UV_FIND_LINKS=str(tmp_path / "wheels"), UV_NO_INDEX="1")

    done = repository.run("init")
    repository.follow(done.stdout)

    packages = json.loads((repository.result("//experiments/first_look") / "packages.json").read_text())
    assert "chose  image `py`: requirements.txt pins every package with its hash\n" in done.stderr
    assert packages == {"tinylib": "1.2.3"}


def test_loose_requirements_are_compiled_by_the_first_of_the_next_steps(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    make_wheel(tmp_path / "wheels", "tinylib", "1.2.3")
    repository = Repository(tmp_path, {**REPOSITORY, "requirements.txt": "tinylib\n"})
    repository.environ.update(UV_FIND_LINKS=str(tmp_path / "wheels"), UV_NO_INDEX="1")

    done = repository.run("init")
    repository.follow(done.stdout)

    packages = json.loads((repository.result("//experiments/first_look") / "packages.json").read_text())
    assert "requirements.txt has no hashes" in done.stderr
    assert packages == {"tinylib": "1.2.3"}


def test_a_uv_lock_is_installed_for_the_first_look(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    make_wheel(tmp_path / "wheels", "tinylib", "1.2.3")
    project = '[project]\nname = "plates"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["tinylib"]\n'
    repository = Repository(tmp_path, {**REPOSITORY, "pyproject.toml": project})
    repository.environ.update(UV_FIND_LINKS=str(tmp_path / "wheels"), UV_NO_INDEX="1")

    printed = repository.run("init").stdout
    repository.follow(printed)

    packages = json.loads((repository.result("//experiments/first_look") / "packages.json").read_text())
    assert printed.splitlines()[0].strip() == "uv lock"
    assert packages == {"tinylib": "1.2.3"}


def test_a_dry_run_writes_nothing_and_prints_one_document(repository: Repository) -> None:
    done = repository.run("init", "--dry-run", "--wrap", "train.py", "--json")
    document: dict[str, Any] = json.loads(done.stdout)

    jsonschema.validate(document, document_schema("init/1"))
    assert document["dry_run"] is True
    assert "train_task.py" in document["files"]
    assert {note["kind"] for note in document["notes"]} == {"found", "chose"}
    assert repository.shell("git status --porcelain").stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--wrap", "train.py", "--example", "digits"), "--example and --wrap ask for different workspaces"),
        (("--base", "debian"), "--base needs --docker"),
        (("--wrap", "train.sh"), "names no script"),
    ],
)
def test_words_that_do_not_go_together_are_wrong_usage(
    repository: Repository, words: tuple[str, ...], said: str
) -> None:
    done = repository.run("init", *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert repository.shell("git status --porcelain").stdout == ""


def make_wheel(folder: Path, name: str, version: str) -> str:
    """Write a wheel with one empty module, and return its SHA-256."""
    import hashlib
    import zipfile

    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", f"{name}.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()
