"""Environments of TTWORKSPACE.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from traintrack.errors import InputErrors, TraintrackError
from traintrack.workspace.load import load_workspace
from traintrack.workspace.model import EnvironmentSpec

BUCKET = "{runner: local, storage: 's3://models/team', "


def environment(root: Path, text: str) -> EnvironmentSpec:
    (root / "TTWORKSPACE.yaml").write_text(f"workspace: p\nenvironments:\n  e: {text}\n")
    return load_workspace(root).environments["e"]


def errors(root: Path, text: str) -> list[TraintrackError]:
    with pytest.raises(TraintrackError) as caught:
        environment(root, text)
    error = caught.value
    return list(error.errors) if isinstance(error, InputErrors) else [error]


def test_a_bucket_has_fields_of_its_own(tmp_path: Path) -> None:
    text = (
        "endpoint: 'http://localhost:9000', region: eu-central-1, profile: ml, namespace: dev/ann, "
        "cache_limit: 10GiB, heartbeat: 5s, push: clean, reads: [other], cpu: 4}"
    )
    spec = environment(tmp_path, BUCKET + text)

    assert (spec.storage, spec.reads) == ("s3://models/team", ("other",))
    assert spec.options["namespace"] == "dev/ann"
    assert spec.options["heartbeat"] == "5s"


@pytest.mark.parametrize(
    "field", ["endpoint: x", "region: x", "profile: x", "namespace: x", "cache_limit: 1GiB", "heartbeat: 1s"]
)
def test_fields_of_a_bucket_are_refused_beside_a_folder(tmp_path: Path, field: str) -> None:
    [error] = errors(tmp_path, f"{{runner: local, storage: /x, {field}}}")

    assert error.code == "misplaced-field"
    assert error.hint == "leave it out, or write `storage: s3://BUCKET/PREFIX`"
    assert error.location is not None
    assert (error.location.line, error.location.column) == (3, 35)


@pytest.mark.parametrize(
    "field",
    ["cache_limit: 0", "cache_limit: much", "heartbeat: -1s", "heartbeat: [1]", "namespace: a//b", "namespace: ../b",
     "namespace: /a", "namespace: [a]", "push: dirty", "endpoint: {a: b}"],
)  # fmt: skip
def test_what_a_field_cannot_be_is_told_at_its_place(tmp_path: Path, field: str) -> None:
    found = errors(tmp_path, BUCKET + field + "}")

    assert [error.location.line for error in found if error.location] == [3]
    assert found[0].hint


def test_a_storage_that_is_no_text_is_told_and_nothing_breaks(tmp_path: Path) -> None:
    assert errors(tmp_path, "{runner: local, storage: [s3], heartbeat: 1s}")


def test_an_unknown_field_is_told_with_what_was_meant(tmp_path: Path) -> None:
    [error] = errors(tmp_path, BUCKET + "heartbeats: 1s}")

    assert error.hint is not None
    assert "heartbeat" in error.hint


def test_a_number_is_read_as_the_text_that_it_is_written_as(tmp_path: Path) -> None:
    assert environment(tmp_path, BUCKET + "namespace: 5}").options["namespace"] == "5"
