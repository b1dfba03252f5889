"""What `storage` of an environment opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from traintrack.app.environment import open_environment
from traintrack.app.open_storage import cache_limit_bytes, open_storage
from traintrack.errors import HostError, InputError, UsageError
from traintrack.testing.s3_server import running_server
from traintrack.workspace.load import load_workspace
from traintrack.workspace.model import EnvironmentSpec, Workspace


def workspace(root: Path, fields: str) -> tuple[Workspace, EnvironmentSpec]:
    root.mkdir(exist_ok=True)
    (root / "TTWORKSPACE.yaml").write_text(f"workspace: p\nenvironments:\n  e: {{runner: local, {fields}}}\n")
    found = load_workspace(root)
    return found, found.environments["e"]


def test_a_storage_of_another_scheme_is_refused_at_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which this version does not have") as error:
        open_storage(*workspace(tmp_path, "storage: 'gs://models/team'"))
    assert error.value.hint == "write a folder, or `s3://BUCKET/PREFIX`"
    assert error.value.location is not None
    assert error.value.location.line == 3


def test_all_that_a_run_over_a_bucket_writes_on_this_machine_is_in_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("HOME", str(home))
    with running_server(tmp_path / "s3") as server:
        server.buckets.make("models")
        for name, value in server.environ().items():
            monkeypatch.setenv(name, value)
        found, _ = workspace(tmp_path / "work", "storage: 's3://models/team/', cpu: 1")
        environment = open_environment(found, None)
        stage = environment.staging.new_stage("flight.1")
        other, _ = workspace(tmp_path / "work", "storage: 's3://models/other', cpu: 1")
        second = open_environment(other, None)

        assert environment.storage.name == "s3://models/team/"
        for path in (stage, environment.attempts.root, second.attempts.root):
            assert path.is_relative_to(home / "cache" / "traintrack")
        assert environment.attempts.root != second.attempts.root
        assert [path.name for path in home.iterdir()] == ["cache"]


def test_a_bucket_that_is_not_there_or_out_of_reach_is_told_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with running_server(tmp_path / "s3") as server:
        for name, value in server.environ().items():
            monkeypatch.setenv(name, value)
        with pytest.raises(HostError) as error:
            open_storage(*workspace(tmp_path / "work", "storage: 's3://models/team'"))
    assert "models" in error.value.message
    assert error.value.hint


@pytest.mark.parametrize(
    ("option", "variable", "expected"),
    [("", "", 100 << 30), ("cache_limit: 1GiB, ", "", 1 << 30), ("cache_limit: 1GiB, ", "2GiB", 2 << 30)],
)
def test_the_cache_is_as_large_as_the_variable_or_the_option_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, variable: str, expected: int
) -> None:
    monkeypatch.setenv("TRAINTRACK_CACHE_LIMIT", variable)
    _, spec = workspace(tmp_path, f"{option}storage: 's3://models/team'")

    assert cache_limit_bytes(spec) == expected


def test_a_variable_that_is_no_size_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINTRACK_CACHE_LIMIT", "much")
    _, spec = workspace(tmp_path, "storage: 's3://models/team'")

    with pytest.raises(UsageError, match="TRAINTRACK_CACHE_LIMIT"):
        cache_limit_bytes(spec)
