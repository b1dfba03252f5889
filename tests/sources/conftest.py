"""A real HTTPS server of files and a real S3 server, both on loopback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The servers stand beside the tests, which are no package.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bucket_server import BucketServer
from file_server import FileServer, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def web(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with FileServer(certificate) as server:
        yield server


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[BucketServer]:
    with BucketServer() as server:
        yield server


@pytest.fixture
def buckets(bucket_server: BucketServer, monkeypatch: pytest.MonkeyPatch) -> BucketServer:
    for name, value in bucket_server.environ.items():
        monkeypatch.setenv(name, value)
    bucket_server.empty()
    return bucket_server


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
