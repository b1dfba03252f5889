"""Uploads in parts appear at once and whole, or not at all."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store
from raw_client import RawClient

from traintrack.testing.s3_server import S3Server

PART = bytes(5 << 20)


def test_an_object_of_64_mib_goes_in_by_parts_and_comes_out_whole(store: S3Store, s3: S3Server) -> None:
    data = os.urandom(64 << 20)
    etag = obstore.put(store, "large", data, chunk_size=8 << 20)["e_tag"]

    md5s = b"".join(hashlib.md5(data[at : at + (8 << 20)]).digest() for at in range(0, len(data), 8 << 20))
    assert etag == f'"{hashlib.md5(md5s).hexdigest()}-8"'
    assert bytes(obstore.get(store, "large").bytes()) == data
    assert s3.log.count("UploadPart") == 8
    assert s3.buckets.uploads("models") == {}


def test_parts_are_seen_only_when_all_are_there(raw: RawClient, s3: S3Server) -> None:
    upload_id, etags = raw.upload("large", PART, b"end")

    assert raw.get("large").status == 404
    assert raw.ask("GET", "", "uploads").words("UploadId") == [upload_id]
    assert raw.complete("large", upload_id, etags).status == 200
    assert s3.buckets.read("models", "large") == PART + b"end"
    assert raw.ask("GET", "", "uploads").words("UploadId") == []
    assert raw.complete("large", upload_id, etags).code == "NoSuchUpload"


@pytest.mark.parametrize(
    ("parts", "change", "code"),
    [
        ((b"small", b"end"), lambda etags: etags, "EntityTooSmall"),
        ((PART, b"end"), lambda etags: etags[::-1], "InvalidPart"),
        ((PART, b"end"), lambda etags: [*etags, '"x"'], "InvalidPart"),
        ((PART, b"end"), lambda etags: [], "MalformedXML"),
    ],
)
def test_an_end_that_does_not_fit_its_parts_is_refused_and_may_be_tried_again(
    raw: RawClient, s3: S3Server, parts: tuple[bytes, ...], change: object, code: str
) -> None:
    upload_id, etags = raw.upload("large", *parts)

    assert raw.complete("large", upload_id, change(etags)).code == code
    assert s3.buckets.keys("models") == []
    assert s3.buckets.uploads("models") == {upload_id: "large"}


def test_parts_must_be_named_in_their_order(raw: RawClient) -> None:
    upload_id, etags = raw.upload("large", PART, b"end")
    parts = [f"<Part><PartNumber>{n}</PartNumber><ETag>{etags[n - 1]}</ETag></Part>" for n in (2, 1)]
    body = f"<CompleteMultipartUpload>{''.join(parts)}</CompleteMultipartUpload>".encode()

    assert raw.ask("POST", "large", f"uploadId={upload_id}", body).code == "InvalidPartOrder"


def test_the_last_of_two_parts_of_one_number_counts(raw: RawClient, s3: S3Server) -> None:
    upload_id, (first,) = raw.upload("large", b"first")
    second = raw.ask("PUT", "large", f"partNumber=1&uploadId={upload_id}", b"second").etag

    assert raw.complete("large", upload_id, [first]).code == "InvalidPart"
    assert raw.complete("large", upload_id, [second]).status == 200
    assert s3.buckets.read("models", "large") == b"second"


def test_an_aborted_upload_leaves_nothing(raw: RawClient, s3: S3Server, tmp_path: Path) -> None:
    upload_id, etags = raw.upload("large", PART)

    assert raw.ask("DELETE", "large", f"uploadId={upload_id}").status == 204
    assert raw.complete("large", upload_id, etags).code == "NoSuchUpload"
    assert raw.ask("PUT", "large", f"partNumber=2&uploadId={upload_id}", b"x").code == "NoSuchUpload"
    assert os.listdir(tmp_path / "s3") == []


def test_an_upload_belongs_to_its_key_and_its_numbers_have_bounds(raw: RawClient) -> None:
    upload_id, _ = raw.upload("large", b"x")

    assert raw.ask("PUT", "other", f"partNumber=1&uploadId={upload_id}", b"x").code == "NoSuchUpload"
    for number in ("0", "10001", "x"):
        assert raw.ask("PUT", "large", f"partNumber={number}&uploadId={upload_id}", b"x").code == "InvalidArgument"


def test_an_end_under_a_condition_is_refused_over_what_is_there(raw: RawClient, s3: S3Server) -> None:
    etag = raw.put("large", b"first").etag
    upload = raw.upload("large", b"second")

    assert raw.complete("large", *upload, If_None_Match="*").status == 412
    assert raw.complete("large", *upload, If_Match='"other"').status == 412
    assert s3.buckets.read("models", "large") == b"first"
    assert raw.complete("large", *upload, If_Match=etag).status == 200
    assert s3.buckets.read("models", "large") == b"second"


def test_parts_may_be_copied_from_ranges_of_objects(raw: RawClient, s3: S3Server) -> None:
    source = os.urandom(12 << 20)
    s3.buckets.write("models", "source", source)
    upload_id = raw.ask("POST", "large", "uploads").words("UploadId")[0]
    middle = 6 << 20

    etags = []
    for number, (first, last) in enumerate(((0, middle - 1), (middle, len(source) - 1)), 1):
        answer = raw.ask(
            "PUT",
            "large",
            f"partNumber={number}&uploadId={upload_id}",
            x_amz_copy_source="models/source",
            x_amz_copy_source_range=f"bytes={first}-{last}",
        )
        etags.append(answer.words("ETag")[0].replace("&quot;", '"'))
    beyond = {"x_amz_copy_source": "models/source", "x_amz_copy_source_range": f"bytes=0-{len(source)}"}

    assert raw.ask("PUT", "large", f"partNumber=3&uploadId={upload_id}", **beyond).code == "InvalidArgument"
    assert raw.complete("large", upload_id, etags).status == 200
    assert s3.buckets.read("models", "large") == source


def test_uploads_are_listed_by_key_in_pages(raw: RawClient) -> None:
    ids = {key: raw.upload(key)[0] for key in ("b", "a", "c/d")}

    first = raw.ask("GET", "", "uploads&max-uploads=2")
    assert first.words("UploadId") == [ids["a"], ids["b"]]
    assert first.words("IsTruncated") == ["true"]
    marks = f"key-marker={first.words('NextKeyMarker')[0]}&upload-id-marker={first.words('NextUploadIdMarker')[0]}"
    assert raw.ask("GET", "", f"uploads&{marks}").words("UploadId") == [ids["c/d"]]
    assert raw.ask("GET", "", "uploads&prefix=c").words("Key") == ["c/d"]


@pytest.mark.parametrize("algorithm", ["SHA256", "CRC64NVME"])
def test_obstore_sends_parts_with_checksums_that_hold(
    open_store: Callable[..., S3Store], s3: S3Server, algorithm: str
) -> None:
    data = os.urandom(12 << 20)

    obstore.put(open_store(AWS_CHECKSUM_ALGORITHM=algorithm), "large", data, chunk_size=5 << 20)
    assert s3.buckets.read("models", "large") == data
    assert s3.log.count("UploadPart") == 3


def test_an_upload_with_checksums_wants_them_for_each_part(raw: RawClient) -> None:
    upload_id = raw.ask("POST", "large", "uploads", x_amz_checksum_algorithm="SHA256").words("UploadId")[0]
    asked = "PUT", "large", f"partNumber=1&uploadId={upload_id}", b"end"
    checksum = base64.b64encode(hashlib.sha256(b"end").digest()).decode()

    assert raw.ask(*asked).code == "InvalidRequest"
    part = raw.ask(*asked, x_amz_checksum_sha256=checksum)
    assert part.headers["x-amz-checksum-sha256"] == checksum
    assert raw.complete("large", upload_id, [part.etag]).code == "InvalidRequest"
    for told, status in (("AAAA", 400), (checksum, 200)):
        named = f"<PartNumber>1</PartNumber><ETag>{part.etag}</ETag><ChecksumSHA256>{told}</ChecksumSHA256>"
        body = f"<CompleteMultipartUpload><Part>{named}</Part></CompleteMultipartUpload>".encode()
        assert raw.ask("POST", "large", f"uploadId={upload_id}", body).status == status


def test_a_copied_part_has_the_checksum_of_its_upload(raw: RawClient, s3: S3Server) -> None:
    s3.buckets.write("models", "source", b"0123456789")
    upload_id = raw.ask("POST", "large", "uploads", x_amz_checksum_algorithm="SHA256").words("UploadId")[0]
    source = {"x_amz_copy_source": "models/source", "x_amz_copy_source_range": "bytes=2-4"}

    part = raw.ask("PUT", "large", f"partNumber=1&uploadId={upload_id}", **source)
    assert part.words("ChecksumSHA256") == [base64.b64encode(hashlib.sha256(b"234").digest()).decode()]
