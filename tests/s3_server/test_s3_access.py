"""Who asks is checked by signature, and what they may do goes by prefix."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from obstore.exceptions import GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store
from raw_client import RawClient

from traintrack.testing.s3_server import Access, Right, S3Server, Verb, running_server

READ, WRITE, LIST, DELETE = Verb.READ, Verb.WRITE, Verb.LIST, Verb.DELETE
ACCESS = Access(
    secrets={"ci": "secret of ci", "dev": "secret of dev"},
    rights=(
        Right("ci"),
        Right("dev", (READ, LIST)),
        Right("dev", (WRITE, DELETE), prefix="dev/"),
    ),
)


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    with running_server(tmp_path / "s3", ACCESS) as server:
        server.buckets.make("models")
        yield server


@pytest.mark.parametrize("key", ["plain", "a b+c", "ünï/~x*(y)'!", "a=b&c"])
def test_signatures_of_obstore_hold_for_any_key(open_store: Callable[..., S3Store], s3: S3Server, key: str) -> None:
    store = open_store("ci")
    obstore.put(store, f"{key}/1", b"bytes")

    assert bytes(obstore.get(store, f"{key}/1").bytes()) == b"bytes"
    assert [meta["path"] for chunk in obstore.list(store, prefix=key) for meta in chunk] == [f"{key}/1"]
    assert {one.access_key for one in s3.log.requests()} == {"ci"}


def test_a_signature_of_another_implementation_holds_until_anything_is_changed(s3: S3Server) -> None:
    signed = AWSRequest(
        "PUT", f"{s3.url}/models/a%20b?x=1&a=%2F", data=b"bytes", headers={"Host": f"127.0.0.1:{s3.port}"}
    )
    S3SigV4Auth(Credentials("ci", "secret of ci"), "s3", "us-east-1").add_auth(signed)
    headers = {name.replace("-", "_"): word for name, word in signed.headers.items()}
    raw = RawClient(s3.port, "models")

    assert raw.ask("PUT", "a b", "x=1&a=%2F", b"bytes", **headers).status == 200
    assert raw.ask("PUT", "a c", "x=1&a=%2F", b"bytes", **headers).code == "SignatureDoesNotMatch"
    assert raw.ask("PUT", "a b", "x=2&a=%2F", b"bytes", **headers).code == "SignatureDoesNotMatch"
    assert raw.ask("DELETE", "a b", "x=1&a=%2F", **headers).code == "SignatureDoesNotMatch"
    assert raw.ask("PUT", "a b", "x=1&a=%2F", b"other", **headers).code == "XAmzContentSHA256Mismatch"
    assert raw.ask("PUT", "a b", "x=1&a=%2F", b"bytes", **headers, x_amz_meta_run="7").code == "AccessDenied"
    late = {**headers, "X_Amz_Date": "20260416T000000Z"}
    assert raw.ask("PUT", "a b", "x=1&a=%2F", b"bytes", **late).code == "RequestTimeTooSkewed"
    assert s3.buckets.read("models", "a b") == b"bytes"


def test_who_has_another_secret_or_no_name_is_refused(open_store: Callable[..., S3Store], raw: RawClient) -> None:
    with pytest.raises((PermissionDeniedError, UnauthenticatedError), match="SignatureDoesNotMatch"):
        obstore.put(open_store("ci", AWS_SECRET_ACCESS_KEY="a guess"), "a", b"")
    with pytest.raises((PermissionDeniedError, UnauthenticatedError), match="InvalidAccessKeyId"):
        obstore.put(open_store("nobody"), "a", b"")
    with pytest.raises((PermissionDeniedError, UnauthenticatedError), match="AccessDenied"):
        obstore.put(open_store("ci", AWS_SKIP_SIGNATURE=True), "a", b"")
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    assert raw.put("a", b"", Authorization="Bearer x", X_Amz_Date=stamp).code == "InvalidRequest"


def test_a_role_writes_only_below_its_prefix(open_store: Callable[..., S3Store], s3: S3Server) -> None:
    ci, dev = open_store("ci"), open_store("dev")
    obstore.put(ci, "ci/cell", b"1")
    obstore.put(dev, "dev/cell", b"2")

    assert bytes(obstore.get(dev, "ci/cell").bytes()) == b"1"
    for refused in (
        lambda: obstore.put(dev, "ci/cell", b"3"),
        lambda: obstore.put(dev, "ci/large", bytes(6 << 20), use_multipart=True, chunk_size=5 << 20),
        lambda: obstore.copy(dev, "dev/cell", "ci/cell"),
        lambda: obstore.put(dev, "devil", b"3"),
    ):
        with pytest.raises((PermissionDeniedError, GenericError), match="AccessDenied"):
            refused()
    with pytest.raises((PermissionDeniedError, GenericError), match=r"Access ?Denied"):
        obstore.delete(dev, ["dev/cell", "ci/cell"])
    assert s3.buckets.keys("models") == ["ci/cell"]
    assert s3.buckets.read("models", "ci/cell") == b"1"


def test_who_may_not_list_is_not_told_what_is_missing(open_store: Callable[..., S3Store], s3: S3Server) -> None:
    dev = open_store("dev")
    with pytest.raises(FileNotFoundError):
        obstore.get(dev, "missing")

    s3.allow(Access(ACCESS.secrets, (Right("dev", (READ,)),)))
    with pytest.raises(PermissionDeniedError):
        obstore.get(dev, "missing")
    with pytest.raises((PermissionDeniedError, GenericError), match="AccessDenied"):
        list(obstore.list(dev))


def test_lists_go_by_their_prefix(open_store: Callable[..., S3Store], s3: S3Server) -> None:
    s3.allow(Access(ACCESS.secrets, (Right("dev", (LIST,), prefix="dev/"),)))
    dev = open_store("dev")

    assert list(obstore.list(dev, prefix="dev/x")) == []
    with pytest.raises((PermissionDeniedError, GenericError), match="AccessDenied"):
        list(obstore.list(dev, prefix="ci"))


def test_a_copy_needs_the_right_to_read_its_source(open_store: Callable[..., S3Store], s3: S3Server) -> None:
    s3.buckets.write("models", "ci/cell", b"1")
    s3.allow(Access(ACCESS.secrets, (Right("dev", (READ, WRITE), prefix="dev/"),)))

    with pytest.raises((PermissionDeniedError, GenericError), match="AccessDenied"):
        obstore.copy(open_store("dev"), "ci/cell", "dev/cell")
    assert s3.buckets.keys("models") == ["ci/cell"]


def test_a_right_of_one_bucket_is_none_of_another(s3: S3Server) -> None:
    access = Access(ACCESS.secrets, (Right("dev", (READ,), bucket="models"),))

    assert access.may("dev", READ, "models", "a")
    assert not access.may("dev", READ, "other", "a")
    assert not access.may("ci", READ, "models", "a")
