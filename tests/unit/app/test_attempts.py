from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.action.job import Job
from traintrack.app.answers import LogAnswer
from traintrack.app.attempts import attempt_number, find_attempt, pull_attempt
from traintrack.app.clean import AttemptScope, clean
from traintrack.app.find_log import find_log
from traintrack.app.one_target import one_label
from traintrack.app.project import action_graph
from traintrack.errors import NotFoundError, UsageError
from traintrack.runners.contract.failed_attempts import KEPT_FOR_S, FailedAttempt


def keep(small: Small, label: str, *, flight: str = "f1", number: int = 1, ended: str = "2026-04-16T11:00:00Z") -> Path:
    """Keep a failed attempt as a runner would, with a log and a file `half`; return its folder."""
    environment = small.environment()
    graph = action_graph(small.project(), [label])
    action = graph.actions[graph.labels[label]]
    out = environment.staging.new_stage(f"{flight}.{number}.out")
    (out / "half").write_text(f"{flight} {number}\n")
    (out / "link").symlink_to("/nowhere")
    os.mkfifo(out / "pipe")
    source = small.root / "log-of-it"
    source.write_text(f"log of {flight} {number}\n")
    log = environment.storage.ledger.put_log(f"{flight}.{number}", source)
    provenance = action.provenance
    attempt = FailedAttempt(
        label, provenance.workspace, action.id, f"r-{flight}", flight, number, "task", "exit 3", ended, log=log
    )
    environment.attempts.keep(attempt, Job(flight, number, action, (), action.resources), str(out))
    folder = environment.attempts.output(attempt).parent
    moment = 1_900_000_000 + number
    os.utime(folder, (moment, moment))
    return folder


def found(small: Small, label: str, number: int | None = None) -> tuple[str, int]:
    project = small.project()
    attempt = find_attempt(project, small.environment(), one_label(project, label), number)
    return attempt.flight, attempt.number


def test_without_a_number_the_newest_attempt_is_meant(tmp_path: Path) -> None:
    small = Small(tmp_path)
    keep(small, "//a:data", number=1)
    keep(small, "//a:data", number=2)

    assert found(small, "//a:data") == ("f1", 2)
    assert found(small, "//a:data", 1) == ("f1", 1)


def test_numbers_count_in_the_newest_execution_alone(tmp_path: Path) -> None:
    small = Small(tmp_path)
    keep(small, "//a:data", flight="f1", number=1)
    keep(small, "//a:data", flight="f2", number=3)

    with pytest.raises(NotFoundError, match=r"has no attempt 1 in r-f2") as caught:
        found(small, "//a:data", 1)
    assert caught.value.hint == "attempts: 3 (exit 3, 2026-04-16T11:00:00Z)"


def test_attempts_of_others_are_not_taken(tmp_path: Path) -> None:
    small = Small(tmp_path)
    keep(small, "//a:data")

    with pytest.raises(NotFoundError, match="no failed attempt of `//a:train` is kept"):
        found(small, "//a:train")
    small.edit("TTWORKSPACE.yaml", "workspace: small", "workspace: other")
    with pytest.raises(NotFoundError):
        found(small, "//a:data")


def test_an_edit_after_the_failure_does_not_hide_it(tmp_path: Path) -> None:
    small = Small(tmp_path)
    keep(small, "//a:data")
    small.edit("a/TTCONFIG.yaml", "rows: 10", "rows: 11")

    assert found(small, "//a:data") == ("f1", 1)


def test_a_target_with_an_equal_recipe_is_the_same_work(tmp_path: Path) -> None:
    small = Small(tmp_path)
    keep(small, "//a:data")
    small.edit("a/TTCONFIG.yaml", "targets:", "targets:\n  twin: {task: make_data, args: {rows: 10}}")

    assert found(small, "//a:twin") == ("f1", 1)


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "1.5", "²"])
def test_a_word_that_is_no_attempt_is_told(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        attempt_number(text)
    assert caught.value.hint == "write its number, or `--attempt last`"
    assert (attempt_number("last"), attempt_number("12")) == (None, 12)


def test_the_unfinished_output_is_copied_but_for_what_no_copy_can_hold(tmp_path: Path) -> None:
    small = Small(tmp_path / "w")
    folder = keep(small, "//a:data")

    [pulled] = pull_attempt(small.project(), small.environment(), ["//a:data"], None, tmp_path / "o")

    assert pulled.path == tmp_path / "o" / "data"
    assert sorted(os.listdir(pulled.path)) == ["half", "link"]
    assert (pulled.path / "half").read_text() == "f1 1\n"
    assert os.readlink(pulled.path / "link") == "/nowhere"
    assert sorted(os.listdir(folder / "out")) == ["half", "link", "pipe"]


def test_without_a_folder_the_place_is_told(tmp_path: Path) -> None:
    small = Small(tmp_path)
    folder = keep(small, "//a:data")

    [pulled] = pull_attempt(small.project(), small.environment(), ["//a:data"], 1, None)

    assert pulled.path == folder / "out"


def test_nothing_is_overwritten_by_a_copy(tmp_path: Path) -> None:
    small = Small(tmp_path / "w")
    keep(small, "//a:data")
    mine = tmp_path / "o" / "data"
    mine.mkdir(parents=True)

    with pytest.raises(UsageError, match="is there already"):
        pull_attempt(small.project(), small.environment(), ["//a:data"], None, tmp_path / "o")
    with pytest.raises(UsageError, match="is about one target"):
        pull_attempt(small.project(), small.environment(), ["//a:data", "//a:train"], None, None)
    assert os.listdir(mine) == []


def test_the_log_of_an_execution_that_was_stopped_is_found(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.fail("//a:data")
    keep(small, "//a:data", number=1)
    keep(small, "//a:data", number=2)

    newest = find_log(small.project(), small.environment(), "//a:data")
    first = find_log(small.project(), small.environment(), "//a:data", 1)

    assert isinstance(newest, LogAnswer)
    assert isinstance(first, LogAnswer)
    assert (newest.run, newest.path.read_text()) == ("r-f1", "log of f1 2\n")
    assert first.path.read_text() == "log of f1 1\n"


def test_a_later_result_has_the_log_that_is_told(tmp_path: Path) -> None:
    small = Small(tmp_path)
    keep(small, "//a:data", ended="2026-04-16T09:00:00Z")
    run = small.make("//a:data")

    answer = find_log(small.project(), small.environment(), "//a:data")

    assert isinstance(answer, LogAnswer)
    assert answer.run == run


def test_clean_leaves_young_attempts_unless_it_is_told_to(tmp_path: Path) -> None:
    small = Small(tmp_path)
    young, old = keep(small, "//a:data", number=1), keep(small, "//a:data", number=2)
    os.utime(old, (young.stat().st_mtime - 2 * KEPT_FOR_S - 1_000_000_000,) * 2)

    told = clean(small.environment(), dry_run=True)
    assert (told.removed, old.exists()) == ((str(old),), True)
    assert told.size_bytes > 0
    assert str(old) in clean(small.environment()).removed
    assert (young.exists(), old.exists()) == (True, False)
    assert str(young) in clean(small.environment(), AttemptScope.ALL).removed
    assert not young.exists()
