"""A strict S3 server and engineers who share a bucket of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from traintrack.testing.s3_server import S3Server, running_server

# What the tests share stands beside them.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from engineers import BUCKET, Team


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    with running_server(tmp_path / "s3") as server:
        server.buckets.make(BUCKET)
        yield server


@pytest.fixture
def team(tmp_path: Path, s3: S3Server) -> Team:
    return Team(tmp_path, s3)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients of this process be somebody, whatever the server."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
