from __future__ import annotations

from pathlib import Path

import pytest
from small_workspace import Small

from traintrack.app import doctor as module
from traintrack.app.answers import Diagnosis
from traintrack.app.doctor import doctor
from traintrack.errors import UsageError


def found(start: Path) -> dict[str, Diagnosis]:
    return {one.name: one for one in doctor(start)}


def test_outside_of_a_workspace_the_machine_is_looked_at(tmp_path: Path) -> None:
    rows = found(tmp_path)

    assert rows["workspace"].state == "warning"
    assert rows["workspace"].hint == "traintrack init"
    assert {"python", "git", "uv", "yaml", "cache folder"} <= rows.keys()
    assert "storage" not in rows


def test_a_good_workspace_has_no_problem(tmp_path: Path) -> None:
    rows = found(Small(tmp_path).root / "a")

    assert {name for name, row in rows.items() if row.state == "problem"} == set()
    assert rows["workspace"].detail == f"small at {tmp_path}"
    assert rows["repository"].state == "ok"
    assert "locks work" in rows["storage disk"].detail


def test_a_broken_workspace_file_is_a_problem_with_its_place(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.write("TTWORKSPACE.yaml", "workspce: x\n")

    row = found(tmp_path)["workspace"]

    assert row.state == "problem"
    assert "TTWORKSPACE.yaml:1:" in row.detail


def test_a_storage_that_cannot_be_used_is_a_problem(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.write("store", "a file")

    row = found(tmp_path)["storage"]

    assert row.state == "problem"
    assert row.hint


def test_a_workspace_without_git_or_commit_is_a_problem(tmp_path: Path) -> None:
    small = Small(tmp_path)
    small.git("update-ref", "-d", "HEAD")
    assert "no commit" in found(tmp_path)["repository"].detail
    (tmp_path / ".git").rename(tmp_path / "git-is-gone")

    assert "not in git" in found(tmp_path)["repository"].detail


@pytest.mark.parametrize(
    ("said", "state"),
    [("git version 2.36.0", "ok"), ("git version 2.35.9", "problem"), ("git version 3.0", "ok"), (None, "problem")],
)
def test_the_version_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, state: str) -> None:
    monkeypatch.setattr(module, "_said", lambda *_: said)

    assert found(tmp_path)["git"].state == state
    if said is None:
        assert found(tmp_path)["uv"].state == "problem"


def test_little_space_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FREE_BYTES_WANTED", 1 << 62)

    assert found(tmp_path)["cache folder"].state == "warning"


def test_a_cache_folder_that_cannot_be_made_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert found(tmp_path)["cache folder"].state == "problem"


def test_the_environment_that_is_named_is_looked_at(tmp_path: Path) -> None:
    root = Small(tmp_path).root
    row = next(one for one in doctor(root, "local") if one.name == "storage")

    assert row.detail.endswith("(environment local)")
    with pytest.raises(UsageError, match="there is no environment `fleet`"):
        doctor(root, "fleet")
