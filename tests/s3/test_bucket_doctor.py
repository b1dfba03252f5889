"""What `traintrack doctor` says of a workspace whose storage is a bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from traintrack.app.answers import Diagnosis
from traintrack.app.doctor import doctor
from traintrack.testing.s3_server import DENIED, IgnoreConditions, Rule, S3Server

EXPIRES = b"""<LifecycleConfiguration><Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>
<Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "w").mkdir()
    words = "workspace: w\nenvironments:\n  local: {runner: local, storage: 's3://models/team'}\n"
    (tmp_path / "w" / "TTWORKSPACE.yaml").write_text(words)
    return tmp_path / "w"


def bucket_lines(workspace: Path) -> list[Diagnosis]:
    return [line for line in doctor(workspace) if line.name == "bucket"]


def test_a_good_bucket_is_a_line_with_its_distance(s3: S3Server, workspace: Path) -> None:
    line, parts = bucket_lines(workspace)

    assert line.state == "ok"
    assert "ms away, keeps conditions, versions off" in line.detail
    assert parts.state == "warning"
    assert "AbortIncompleteMultipartUpload" in parts.hint


def test_a_rule_that_would_delete_results_is_a_warning(s3: S3Server, workspace: Path) -> None:
    s3.buckets.set_document("models", "lifecycle", EXPIRES)

    assert any("`old`" in line.detail for line in bucket_lines(workspace) if line.state == "warning")


def test_a_bucket_that_ignores_conditions_is_a_problem(s3: S3Server, workspace: Path) -> None:
    s3.faults.add(Rule(IgnoreConditions()))
    line = bucket_lines(workspace)[-1]

    assert line.state == "problem"
    assert "`If-Match`" in line.detail
    assert line.hint


def test_a_bucket_without_rights_is_a_problem(s3: S3Server, workspace: Path) -> None:
    s3.faults.add(Rule(DENIED))
    line = bucket_lines(workspace)[-1]

    assert line.state == "problem"
    assert "get-caller-identity" in line.hint
