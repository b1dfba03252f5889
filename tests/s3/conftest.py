"""The strict server, fresh for each test, and the bucket that is tested on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from traintrack.storages.s3.bucket import S3Bucket
from traintrack.testing.s3_server import S3Server, running_server

NAME = "models"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of whoever runs the tests says who we are."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nobody: None) -> Iterator[S3Server]:
    with running_server(tmp_path / "s3") as server:
        server.buckets.make(NAME)
        for name, value in server.environ().items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def bucket(s3: S3Server) -> S3Bucket:
    return S3Bucket(f"s3://{NAME}/team/store")
