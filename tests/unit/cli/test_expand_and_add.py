"""`expand`, `add` and `show` as they are called."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest

from traintrack.cli.program import run_program
from traintrack.cli.schemas import document_schema
from traintrack.workspace.yaml_source import parse_yaml

WORKSPACE = """\
workspace: w
images: {py: {python: "3.11", lock: requirements.lock}}
environments: {local: {runner: local, storage: store}}
profiles: {smoke: {tasks: {t: {args: {epochs: 1}}}}}
"""
CONFIG = """\
defaults: {image: py, commit: HEAD, paths: [src]}
targets:
  train: {task: t, each: {lr: {range: 30}}, args: {lr: "${lr}", text: "$${lr}", mark: !literal ":x"}}
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    work = tmp_path / "w"
    (work / "a").mkdir(parents=True)
    (work / "TTWORKSPACE.yaml").write_text(WORKSPACE)
    (work / "a/TTCONFIG.yaml").write_text(CONFIG)
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    monkeypatch.chdir(work)
    return work


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    assert run_program(words) == 0
    told = capsys.readouterr()
    return told.out, told.err


def document(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    value = json.loads(said(capsys, *words, "--json")[0])
    jsonschema.validate(value, document_schema(value["schema"].removeprefix("traintrack.")))
    return value


def test_expand_prints_yaml_with_a_comment_behind_each_value(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, "expand", "//a:train@lr=3", "--set", "args.lr=0.5", "--profile", "smoke")

    assert out == (
        "targets:\n"
        '  "//a:train@lr=3":        # a/TTCONFIG.yaml:3\n'
        "    task: t                # a/TTCONFIG.yaml:3 target\n"
        "    image: py              # a/TTCONFIG.yaml:1 defaults\n"
        "    commit: HEAD           # a/TTCONFIG.yaml:1 defaults\n"
        "    paths: [src]           # a/TTCONFIG.yaml:1 defaults\n"
        "    args:\n"
        "      lr: 0.5              # --set\n"
        '      text: "$${lr}"       # a/TTCONFIG.yaml:3 target\n'
        '      mark: !literal ":x"  # a/TTCONFIG.yaml:3 target\n'
        "      epochs: 1            # TTWORKSPACE.yaml:4 profile smoke\n"
    )


def test_a_large_family_is_cut_and_says_how_to_see_all(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "expand", "//a:train", "--profile", "smoke")
    plain, told = said(capsys, "expand", "//a:train", "--plain")
    whole, _ = said(capsys, "expand", "//a:train", "--plain", "--all")

    command = "and 27 more members; to see all: traintrack expand --profile smoke --all //a:train"
    assert out.endswith(f"  # {command}\n")
    assert err == ""
    assert "#" not in plain
    assert told == "and 27 more members; to see all: traintrack expand --all //a:train\n"
    assert len(parse_yaml(plain.encode(), "x").value["targets"]) == 3
    assert len(parse_yaml(whole.encode(), "x").value["targets"]) == 30


def test_documents_fit_their_schemas(capsys: pytest.CaptureFixture[str]) -> None:
    [first, *_] = document(capsys, "expand", "//a:train")["targets"]
    mark = next(field for field in first["fields"] if field["path"] == ["args", "mark"])

    assert mark["value"] == '!literal ":x"'
    assert mark["where"] == {"path": "a/TTCONFIG.yaml", "line": 3, "column": 87}
    assert document(capsys, "show", "//a:train")["members"] == 30
    assert document(capsys, "show", "//a:train@lr=4")["coordinates"] == {"lr": "4"}
    assert document(capsys, "add", "repeat")["added"] is True
    assert document(capsys, "add", "repeat")["added"] is False
    assert [one["name"] for one in document(capsys, "add")["templates"]] == ["holdout_compare", "kfold", "repeat"]


def test_add_prints_what_to_write(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    out, err = said(capsys, "add", "kfold", "--to", "//shared/lib")
    again, there = said(capsys, "add", "kfold", "--to", "//shared/lib")

    assert out == again
    assert out.splitlines()[2] == "    use: //shared/lib:kfold"
    assert "added `kfold` to shared/lib/TTCONFIG.yaml" in err
    assert there == "`//shared/lib:kfold` is there already; to use it, write\n"
    assert parse_yaml(out.encode(), "x").value["targets"]["kfold"]["use"] == "//shared/lib:kfold"


def test_a_record_is_of_one_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["show", "--record", "//a:train"]) == 2
    assert "names 30 targets" in capsys.readouterr().err
    assert run_program(["add", "--to", "//lib"]) == 2
