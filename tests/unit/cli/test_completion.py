"""What a begun word may become."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from traintrack.app.shipped_templates import shipped_templates
from traintrack.cli.completion import FILES, bash_words, candidates, split_line
from traintrack.cli.table import COMMANDS

BREAKS = " \t\n\"'@><=;|&(:"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TRAINTRACK_NO_CACHE", raising=False)
    root = tmp_path / "w"
    for path, text in {
        "TTWORKSPACE.yaml": (
            "workspace: w\nenvironments: {local: {}, remote: {}}\nprofiles: {smoke: {description: small}, tiny: {}}\n"
        ),
        "runs/april/TTCONFIG.yaml": "targets: {train: {}, train_small: {}, export: {}}\nprofiles: {tiny: {description: less}}\n",
        "runs/april/deep/TTCONFIG.yaml": (
            "targets: {x: {each: {lr: [0.1, 1e-4, 0.15], model: {s: 1, l: 2}}}, y: {each: ':x'}, z: {each: ':z'},\n"
            "  u: {each: [{a: 1, b: 1}, {a: 2, b: [2, 3]}]}, w: {each: {n: {range: 1000000000}}}, bad: {each: 5}}\n"
        ),
        "runs/broken/TTCONFIG.yaml": "targets: {{\n",
        "data/raw/nothing.txt": "",
        "other/TTWORKSPACE.yaml": "workspace: other\n",
        "other/TTCONFIG.yaml": "targets: {x: {}}\n",
        ".hidden/TTCONFIG.yaml": "targets: {x: {}}\n",
        "runs/april/ba d/TTCONFIG.yaml": "targets: {x: {}}\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    monkeypatch.chdir(root / "runs/april")
    return root


def words(*given: str) -> list[str] | None:
    found = candidates(given)
    return None if found is None else [one.word for one in found]


@pytest.mark.usefixtures("workspace")
def test_profiles_of_the_workspace_and_of_the_experiment_are_completed() -> None:
    found = candidates(["run", "--profile", ""]) or []

    assert [(one.word, one.about) for one in found] == [("smoke", "small"), ("tiny", "less")]
    assert words("status", "--profile=sm") == ["--profile=smoke"]


def test_commands_come_first_with_their_help() -> None:
    assert words("ru") == ["run"]
    assert words("") == [command.name for command in COMMANDS]
    assert candidates(["vers"])[0].about == "Print the version."  # type: ignore[index]


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("word", "become"),
    [
        ("//", ["//runs/"]),
        ("//runs/", ["//runs/april/", "//runs/april:", "//runs/broken:"]),
        ("//runs/ap", ["//runs/april/", "//runs/april:"]),
        ("//runs/april:tr", ["//runs/april:train", "//runs/april:train_small"]),
        ("-//runs/april:ex", ["-//runs/april:export"]),
        ("-:tr", ["-:train", "-:train_small"]),
        (":tr", [":train", ":train_small"]),
        ("", [":export", ":train", ":train_small", "//"]),
        ("/", ["//"]),
        ("de", ["deep:"]),
        ("deep:x", ["deep:x"]),
        ("deep:x@", ["deep:x@lr=", "deep:x@model=", "deep:x@*"]),
        ("-//runs/april/deep:x@m", ["-//runs/april/deep:x@model="]),
        ("//runs/april/deep:x@lr=0.1", ["//runs/april/deep:x@lr=0.1", "//runs/april/deep:x@lr=0.15"]),
        ("deep:y@lr=0.1,", ["deep:y@lr=0.1,model=", "deep:y@lr=0.1,*"]),
        ("deep:y@lr=1e-4,model=", ["deep:y@lr=1e-4,model=s", "deep:y@lr=1e-4,model=l"]),
        ("deep:u@a=2,b=", ["deep:u@a=2,b=2", "deep:u@a=2,b=3"]),
        ("deep:w@n=1999", ["deep:w@n=1999", *(f"deep:w@n=1999{i}" for i in range(10))]),
        ("deep:x@lr=0.1,lr=", []),
        ("deep:z@", []),
        ("deep:bad@", []),
        ("deep:nothing@", []),
        (":train@", []),
        ("//runs/broken:", []),
        ("//nowhere:", []),
        ("//other:", []),
        ("//.hidden:", []),
        ("//../w:", []),
        ("//data/", []),
    ],
)
def test_labels_are_completed_a_folder_or_a_name_at_a_time(word: str, become: list[str]) -> None:
    assert words("run", word) == become


def test_labels_are_read_from_the_folder_that_is_named(workspace: Path) -> None:
    os.chdir(workspace.parent)

    assert words("run", ":") == []
    assert words("-C", "w/runs/april", "run", ":e") == [":export"]
    assert words("run", "-C", "w/runs/april", ":e") == [":export"]


@pytest.mark.usefixtures("workspace")
def test_options_and_their_values_are_completed() -> None:
    assert words("run", "--tr") == ["--trace"]
    assert words("run", "--no-l") == ["--no-locked"]
    assert "-n" not in (words("run", "-") or [])
    assert words("run", "-n") == ["-n"]
    assert words("run", "--env", "") == ["local", "remote"]
    assert words("run", "--env=re") == ["--env=remote"]
    assert words("--env", "lo") == ["local"]
    assert words("run", "--progress", "l") == ["live"]
    assert words("completion", "") == ["bash", "zsh", "fish"]
    assert words("add", "k") == ["kfold"]
    assert words("add", "") == [template.name for template in shipped_templates()]
    assert words("add", "kfold", "") == []
    assert words("hash", "--preimage", ":ex") == [":export"]
    assert words("show", ":train", "") == []
    assert words("run", "--jobs", "") == []
    assert words("run", "--", "--tr") == []
    assert words("nonsense", ":t") == []


def test_files_are_left_to_the_shell() -> None:
    assert words("run", "--trace", "x") is None
    assert words("-C", "") is None
    assert words("init", "") is None
    assert bash_words("traintrack pull -o ", BREAKS) == [FILES]


@pytest.mark.parametrize(
    ("line", "parts", "is_quoted"),
    [
        ("tt run :a", ["tt", "run", ":a"], False),
        ("tt run ", ["tt", "run", ""], False),
        ('tt run ":a', ["tt", "run", ":a"], True),
        ("tt run ':a b", ["tt", "run", ":a b"], True),
        ("tt run a\\ b", ["tt", "run", "a b"], False),
        ('tt run ""', ["tt", "run", ""], False),
        ("tt # x", ["tt", "#", "x"], False),
        ("", [""], False),
    ],
)
def test_a_line_is_split_as_a_shell_does(line: str, parts: list[str], is_quoted: bool) -> None:
    assert split_line(line) == (parts, is_quoted)


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("line", "breaks", "become"),
    [
        ("traintrack run //runs/april:tr", BREAKS, ["train ", "train_small "]),
        ("traintrack run //runs/april:tr", " ", ["//runs/april:train ", "//runs/april:train_small "]),
        ("traintrack run //ru", BREAKS, ["//runs/"]),
        ("traintrack run -//runs/april:ex", BREAKS, ["export "]),
        ("traintrack run --env=lo", BREAKS, ["local "]),
        ("traintrack run deep:x@l", BREAKS, ["@lr="]),
        ("traintrack run deep:x@lr=0.1,m", BREAKS, ["0.1,model="]),
        ("traintrack run deep:x@lr=0.1,model=s", BREAKS, ["s "]),
        ("traintrack run 'deep:x@lr=0.0", BREAKS, ["deep:x@lr=0.0001"]),
        ('traintrack run "//runs/april:ex', BREAKS, ["//runs/april:export"]),
        ("X=1 /opt/bin/traintrack run :ex", BREAKS, ["export "]),
        ("tt run :ex", BREAKS, ["export "]),
    ],
)
def test_bash_gets_what_readline_does_not_keep(line: str, breaks: str, become: list[str]) -> None:
    assert bash_words(line, breaks) == become


@pytest.mark.parametrize(
    "asked", [(), ("bash",), ("zsh", "run", "\udcff:"), ("bash", BREAKS, "traintrack run //\x00:")]
)
def test_errors_are_silent(asked: tuple[str, ...], tmp_path: Path) -> None:
    # Called inside, since no argument of a process can hold these.
    code = f"import sys; from traintrack.cli.completion import answer_shell; sys.exit(answer_shell({list(asked)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("workspace")
def test_a_key_press_imports_neither_click_nor_the_parser_nor_runs_git() -> None:
    words("run", ":")
    code = (
        "import subprocess, sys; subprocess.Popen = None\n"
        "from traintrack.cli.completion import answer_shell\n"
        "answer_shell(['zsh', 'run', ':']); sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.split() == [":export", ":train", ":train_small"]
    assert not {"click", "yaml", "blake3", "asyncio", "jsonschema"} & set(done.stderr.split())
