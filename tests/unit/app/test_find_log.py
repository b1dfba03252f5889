from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.action.cell import acquire, started
from traintrack.app.answers import HistoryLine, LogAnswer
from traintrack.app.find_log import find_log
from traintrack.errors import NotFoundError


def found(small: Small, text: str | None = None, attempt: int | None = None) -> LogAnswer | tuple[HistoryLine, ...]:
    return find_log(small.project(), small.environment(), text, attempt)


def test_the_newest_attempt_of_a_target(tmp_path: Path) -> None:
    small = Small(tmp_path)
    run = small.fail("//a:data")

    answer = found(small, "//a:data")

    assert isinstance(answer, LogAnswer)
    assert (answer.run, answer.attempt, answer.outcome, answer.live) == (run, 2, "task", False)
    assert answer.path.read_text() == "attempt 2: it broke\n"


def test_an_attempt_by_number(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.fail("//a:data")

    answer = found(small, "//a:data", 1)

    assert isinstance(answer, LogAnswer)
    assert answer.path.read_text() == "attempt 1: it broke\n"
    with pytest.raises(NotFoundError, match="has no attempt 3 in r-0001") as caught:
        found(small, "//a:data", 3)
    assert caught.value.hint == "attempts: 1, 2"


def test_a_result_has_a_log_too(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data")

    answer = found(small, "//a:data")

    assert isinstance(answer, LogAnswer)
    assert (answer.outcome, answer.path.read_text()) == ("success", "made //a:data\n")


def test_after_an_edit_the_last_log_is_still_found(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data")
    small.edit("a/TTCONFIG.yaml", "rows: 10", "rows: 11")

    assert isinstance(found(small, "//a:data"), LogAnswer)
    small.edit("a/TTCONFIG.yaml", "commit: HEAD", f'commit: "{"1" * 40}"')
    assert isinstance(found(small, "//a:data"), LogAnswer), "even where the ID cannot be computed"


def test_without_text_the_one_failure_of_the_last_run_is_meant(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data")
    small.fail("//a:train")

    answer = found(small)

    assert isinstance(answer, LogAnswer)
    assert (answer.label, answer.attempt) == ("//a:train", 2)


def test_a_run_is_told_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    small = Small(tmp_path)
    run = small.make("//a:data", "//a:train")
    small.edit("a/TTCONFIG.yaml", "epochs: 3", "epochs: 4")
    small.fail("//a:train")

    for text in (run, run[:6]):
        rows = found(small, text)
        assert isinstance(rows, tuple)
        assert [(row.label, row.outcome, row.run) for row in rows] == [
            ("//a:data", "executed", run),
            ("//a:train", "executed", run),
        ]


def test_a_growing_log_is_live(tmp_path: Path) -> None:
    small = Small(tmp_path)
    stage = running(small, "//a:data")

    answer = found(small, "//a:data")

    assert isinstance(answer, LogAnswer)
    assert (answer.live, answer.attempt, answer.outcome, answer.run) == (True, 3, "running", "r-other")
    assert answer.path == stage / "log"


def test_a_growing_log_with_secrets_is_not_shown(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.edit("a/TTCONFIG.yaml", "task: make_data", "task: make_data\n    secrets: {TOKEN: {env: TOKEN}}")
    running(small, "//a:data")

    with pytest.raises(NotFoundError, match="is not shown while it runs"):
        found(small, "//a:data")


def test_nothing_to_tell_is_not_found(tmp_path: Path) -> None:
    small = Small(tmp_path)

    with pytest.raises(NotFoundError, match="no run has been noted"):
        found(small)
    with pytest.raises(NotFoundError, match="`//a:data` has no log"):
        found(small, "//a:data")
    with pytest.raises(NotFoundError):
        found(small, "r-absent")


def test_a_kept_log_that_is_gone_is_told(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.make("//a:data")
    for path in (tmp_path / "store" / "log").rglob("*"):
        if path.is_file():
            path.unlink()

    with pytest.raises(NotFoundError, match="is not kept"):
        found(small, "//a:data")


def running(small: Small, label: str) -> Path:
    """Let a target run in this process, as far as a storage sees it; return the folder of its attempt."""
    environment = small.environment()
    stage = environment.staging.new_stage("flight.3")
    (stage / "log").write_text("so far\n")
    cells = environment.storage.cells
    [seen] = cells.read([small.id_of(label)]).values()
    with environment.storage.present("r-other") as owner:
        seen = cells.swap(seen, acquire(seen.cell, owner))
        cells.swap(seen, started(seen.cell, json.dumps({"stage": str(stage), "attempt": 3})))
    return stage
