"""Lists are complete, sorted by bytes, and the same however they are cut into pages."""

from __future__ import annotations

import base64
import random
import zlib

import obstore
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import S3Store
from raw_client import RawClient

from traintrack.testing.s3_server import S3Server
from traintrack.testing.s3_server.listing import page_of

KEYS = st.lists(st.text("ab/é\U0001f600", min_size=1, max_size=6), unique=True, max_size=30)


def test_five_thousand_keys_are_listed_in_order_by_pages_of_a_thousand(store: S3Store, s3: S3Server) -> None:
    keys = [f"{number:x}/{number}" for number in range(5000)]
    random.Random(1).shuffle(keys)
    for key in keys:
        s3.buckets.write("models", key, b"")

    found = [meta["path"] for chunk in obstore.list(store) for meta in chunk]

    assert found == sorted(keys)
    assert s3.log.count("ListObjectsV2") == 5
    below = [meta["path"] for chunk in obstore.list(store, prefix="1f") for meta in chunk]
    assert below == sorted(key for key in keys if key.startswith("1f/"))


def test_a_list_with_a_delimiter_tells_folders_and_what_lies_between_them(store: S3Store, s3: S3Server) -> None:
    for key in ("a/1", "a/2", "a.txt", "b/c/1", "c"):
        s3.buckets.write("models", key, b"")

    found = obstore.list_with_delimiter(store)

    assert found["common_prefixes"] == ["a", "b"]
    assert [meta["path"] for meta in found["objects"]] == ["a.txt", "c"]


@settings(deadline=None)
@given(KEYS, st.text("ab/", max_size=2), st.sampled_from(["", "/", "b/"]), st.integers(1, 5))
def test_pages_put_together_are_what_a_plain_list_would_be(keys: list[str], prefix: str, cut: str, most: int) -> None:
    ordered = sorted(keys, key=str.encode)
    expected: list[str] = []
    for key in (key for key in ordered if key.startswith(prefix)):
        place = key.find(cut, len(prefix)) if cut else -1
        name = key if place < 0 else key[: place + len(cut)]
        if name not in expected:
            expected.append(name)

    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = page_of(ordered, prefix, cut, after, most)
        assert len(page.keys) + len(page.folders) <= most
        found += sorted((*page.keys, *page.folders), key=str.encode)
        after = page.after

    assert found == expected


@settings(deadline=None)
@given(KEYS, st.text("ab/é", max_size=4))
def test_a_list_starts_after_a_name_whether_it_is_there_or_not(keys: list[str], after: str) -> None:
    ordered = sorted(keys, key=str.encode)

    assert list(page_of(ordered, "", "", after, 100).keys) == [key for key in ordered if key > after]


def test_the_words_of_a_page_are_those_of_s3(raw: RawClient, s3: S3Server) -> None:
    for key in ("a b", "a<b", "a\nb", "é"):
        s3.buckets.write("models", key, b"xy")

    first = raw.ask("GET", "", "list-type=2&max-keys=3")
    assert first.words("Key") == ["a&#xa;b", "a b", "a&lt;b"]
    assert (first.words("IsTruncated"), first.words("KeyCount"), first.words("Size")) == (["true"], ["3"], ["2"] * 3)
    token = first.words("NextContinuationToken")[0].replace("=", "%3D")
    second = raw.ask("GET", "", f"list-type=2&continuation-token={token}")
    assert (second.words("Key"), second.words("IsTruncated")) == (["é"], ["false"])
    encoded = raw.ask("GET", "", "list-type=2&encoding-type=url&start-after=a")
    assert encoded.words("Key") == ["a%0Ab", "a+b", "a%3Cb", "%C3%A9"]
    assert raw.ask("GET", "", "list-type=2&max-keys=0").words("IsTruncated") == ["false"]
    assert raw.ask("GET", "", "list-type=2&max-keys=-1").code == "InvalidArgument"
    assert raw.ask("GET", "", "list-type=2&continuation-token=%21").code == "InvalidArgument"


def test_many_keys_are_deleted_by_one_request(store: S3Store, s3: S3Server) -> None:
    keys = [f"key {number} <&>" for number in range(1200)]
    for key in (*keys, "kept"):
        s3.buckets.write("models", key, b"")

    obstore.delete(store, keys)

    assert s3.buckets.keys("models") == ["kept"]
    assert s3.log.count("DeleteObjects") == 2


def test_a_delete_of_many_wants_a_digest_and_spares_what_has_another_etag(raw: RawClient, s3: S3Server) -> None:
    s3.buckets.write("models", "a", b"")
    body = b'<Delete><Object><Key>a</Key><ETag>"other"</ETag></Object><Object><Key>b</Key></Object></Delete>'

    assert raw.ask("POST", "", "delete", body).code == "InvalidRequest"
    answer = raw.ask("POST", "", "delete", body, x_amz_checksum_crc32=_crc32(body))
    assert (answer.status, answer.words("Code"), answer.words("Key")) == (200, ["PreconditionFailed"], ["a", "b"])
    assert s3.buckets.keys("models") == ["a"]
    quiet = body.replace(b"<Delete>", b"<Delete><Quiet>true</Quiet>")
    assert raw.ask("POST", "", "delete", quiet, x_amz_checksum_crc32=_crc32(quiet)).words("Key") == ["a"]
    entity = b'<!DOCTYPE x [<!ENTITY e "a">]><Delete><Object><Key>&e;</Key></Object></Delete>'
    assert raw.ask("POST", "", "delete", entity, x_amz_checksum_crc32=_crc32(entity)).code == "MalformedXML"


def _crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
