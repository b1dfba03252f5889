"""What must hold on another server of the protocol as well: moto's, which does not judge requests one after the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sources"))

from bucket_server import BucketServer

from traintrack.errors import HostError
from traintrack.ports.objects import Etag, Got, PreconditionFailedError, UnknownOutcomeError
from traintrack.storages.s3.bucket import S3Bucket
from traintrack.storages.s3.probe import probe

MIB = 1 << 20


@pytest.fixture(scope="module")
def moto() -> Iterator[BucketServer]:
    with BucketServer() as server:
        yield server


@pytest.fixture
def other(moto: BucketServer, monkeypatch: pytest.MonkeyPatch, nobody: None) -> S3Bucket:
    for name, value in moto.environ.items():
        monkeypatch.setenv(name, value)
    moto.empty()
    moto.make("models")
    return S3Bucket("s3://models/team")


def test_conditions_and_bytes(other: S3Bucket) -> None:
    first = other.put_if_absent("a b/ü", b"first")
    second = other.put_if_match("a b/ü", b"second", first)

    with pytest.raises(PreconditionFailedError):
        other.put_if_absent("a b/ü", b"third")
    with pytest.raises(PreconditionFailedError):
        other.put_if_match("a b/ü", b"third", first)
    with pytest.raises(PreconditionFailedError):
        other.put_if_match("none", b"third", Etag('"0123456789abcdef0123456789abcdef"'))
    assert other.get("a b/ü") == Got(b"second", second)
    assert other.get("none") is None
    assert other.size_bytes("none") is None
    assert list(other.list("a")) == ["a b/ü"]


def test_streams_ranges_copies_and_lists(other: S3Bucket) -> None:
    data = os.urandom(20 * MIB + 5)
    other.put_stream("big", iter([data]), len(data))
    other.copy("big", "copy")
    for number in range(1200):
        other.put(f"n/{number:04}", b"")
    other.delete("n/0007")

    assert b"".join(other.read("copy", 7 * MIB, 9 * MIB)) == data[7 * MIB : 16 * MIB]
    with pytest.raises(UnknownOutcomeError):
        list(other.read("big", 20 * MIB, MIB))
    with pytest.raises(FileNotFoundError):
        other.copy("none", "x")
    assert len(list(other.list("n/"))) == 1199
    assert list(other.list("n/000")) == [f"n/000{n}" for n in range(10) if n != 7]


def test_the_probe_and_a_missing_bucket(other: S3Bucket) -> None:
    found = probe(other)

    assert found.creates_once
    assert found.replaces_seen
    assert found.reads_at_once
    assert found.left == ()
    for ask in (lambda b: b.get("k"), lambda b: b.put_if_absent("k", b""), lambda b: list(b.list(""))):
        with pytest.raises(HostError) as caught:
            ask(S3Bucket("s3://absent/team"))
        assert caught.value.code == "storage-missing"
