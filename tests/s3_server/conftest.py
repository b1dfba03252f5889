"""The server under test, fresh for each test, and clients of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from obstore.store import S3Store

from traintrack.testing.s3_server import S3Server, running_server

# What the tests share stands beside them; moto's server is started as the tests of data in buckets start it.
sys.path += [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "sources")]

from raw_client import RawClient

BUCKET = "models"


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    """A server with one empty bucket."""
    with running_server(tmp_path / "s3") as server:
        server.buckets.make(BUCKET)
        yield server


@pytest.fixture
def open_store(s3: S3Server) -> Callable[..., S3Store]:
    """Opens the bucket with the credentials of an access key; nothing is tried again."""

    def opened(access_key: str = "", **config: object) -> S3Store:
        return S3Store(
            BUCKET,
            config={**s3.environ(access_key), **config},
            client_options={"allow_http": True, "timeout": timedelta(seconds=30)},
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=30)},
        )

    return opened


@pytest.fixture
def store(open_store: Callable[..., S3Store]) -> S3Store:
    return open_store()


@pytest.fixture
def raw(s3: S3Server) -> RawClient:
    return RawClient(s3.port, BUCKET)
