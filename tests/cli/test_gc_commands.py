"""`gc`, `pin`, `unpin` and `du` as a person calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from test_nothing_to_do import Bench

from traintrack.cli.schemas import document_schema


class Shell(Bench):
    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "traintrack", *words]
        return subprocess.run(
            command, cwd=self.small.root, env=self.environ, capture_output=True, text=True, timeout=60, check=False
        )

    def document(self, *words: str) -> dict:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        document = json.loads(done.stdout)
        jsonschema.validate(document, document_schema(document["schema"].removeprefix("traintrack.")))
        return document


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def artifacts(shell: Shell) -> int:
    return len(list((shell.small.root / "store" / "artifact").rglob("out.txt")))


def test_without_delete_it_lists_and_names_the_command_that_removes(shell: Shell) -> None:
    done = shell.run("gc", "--older-than", "0", "//a/...")

    assert done.returncode == 0
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["label", "//a:data", "//a:train"]
    assert "traintrack gc --delete --older-than 0 --max-delete-fraction 1.00 //a/..." in done.stderr
    assert artifacts(shell) == 2


def test_the_named_command_removes_and_status_says_so(shell: Shell) -> None:
    refused = shell.run("gc", "--delete", "--older-than", "0")
    done = shell.run("gc", "--delete", "--older-than", "0", "--max-delete-fraction", "1")

    assert refused.returncode == 5
    assert "2 of 2 results would go" in refused.stderr
    assert (done.returncode, artifacts(shell)) == (0, 0)
    assert "//a:train" in done.stdout
    assert "removed 2 results" in done.stderr
    assert "evicted by gc on 2" in shell.run("status", "//a:train").stdout
    assert "evicted by gc on 2" in shell.run("run", "-n", "//a:train").stdout


def test_a_pin_keeps_a_result_and_is_listed(shell: Shell) -> None:
    pinned = shell.document("pin", "//a:train", "--as", "best", "-m", "it goes to production")
    listed = shell.document("pin", "--list")
    done = shell.document("gc", "--older-than", "0", "--delete")

    assert pinned["pins"] == listed["pins"]
    assert (listed["pins"][0]["name"], listed["pins"][0]["why"]) == ("best", "it goes to production")
    assert [(row["label"], row["evicted"]) for row in done["results"]] == [("//a:data", True)]
    assert done["stays"] == {"root": 1}
    assert shell.document("unpin", "best")["pins"] == listed["pins"]
    assert shell.run("pin", "--list").stdout == ""


def test_du_adds_up_by_what_is_asked_for(shell: Shell) -> None:
    by_task = shell.document("du", "--by", "task")

    assert {group["name"] for group in by_task["groups"]} == {"make_data", "train_model"}
    assert by_task["total"]["results"] == 2
    assert [line.split()[-1] for line in shell.run("du").stdout.splitlines()] == ["experiment", "//a", "total"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("gc", "--older-than", "soon"), 2),
        (("gc", "--max-delete-fraction", "2"), 2),
        (("pin",), 2),
        (("pin", "--list", "//a:train"), 2),
        (("unpin", "nothing"), 4),
        (("du", "--by", "moon"), 2),
    ],
)
def test_wrong_words_are_told_with_a_way_out(shell: Shell, words: tuple[str, ...], code: int) -> None:
    done = shell.run(*words)

    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
