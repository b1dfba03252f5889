"""Conditions are judged and applied at once, whoever else is writing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, NotModifiedError, PreconditionError
from obstore.store import S3Store
from raw_client import RawClient

from traintrack.testing.s3_server import S3Server


@pytest.fixture(autouse=True)
def hurried_threads() -> Iterator[None]:
    """Threads take turns so often that what is not done at once is seen half done."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_only_the_first_create_of_a_key_succeeds(store: S3Store, s3: S3Server) -> None:
    obstore.put(store, "cell", b"first", mode="create")

    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "cell", b"second", mode="create")
    assert s3.buckets.read("models", "cell") == b"first"


def test_an_update_needs_the_etag_of_what_is_there(store: S3Store, s3: S3Server) -> None:
    first = obstore.put(store, "cell", b"1")
    obstore.put(store, "cell", b"2", mode={"e_tag": first["e_tag"]})

    with pytest.raises(PreconditionError):
        obstore.put(store, "cell", b"3", mode={"e_tag": first["e_tag"]})
    assert s3.buckets.read("models", "cell") == b"2"


def test_an_update_of_nothing_is_not_found_and_makes_nothing(raw: RawClient, s3: S3Server) -> None:
    answer = raw.put("cell", b"1", If_Match='"0cc175b9c0f1b6a831c399e269772661"')

    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert s3.buckets.keys("models") == []


def test_a_write_that_names_an_etag_it_does_not_want_is_not_implemented(raw: RawClient) -> None:
    assert raw.put("cell", b"1", If_None_Match='"x"').status == 501


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_Match": "{etag}"}, 200),
        ({"If_Match": '"other"'}, 412),
        ({"If_Match": '"other", {etag}'}, 200),
        ({"If_None_Match": "{etag}"}, 304),
        ({"If_None_Match": '"other"'}, 200),
        ({"If_None_Match": "*"}, 304),
        ({"If_Modified_Since": "Fri, 01 Jan 2038 00:00:00 GMT"}, 304),
        ({"If_Modified_Since": "Thu, 01 Jan 1998 00:00:00 GMT"}, 200),
        ({"If_Unmodified_Since": "Thu, 01 Jan 1998 00:00:00 GMT"}, 412),
        ({"If_Unmodified_Since": "Thu, 01 Jan 1998 00:00:00 GMT", "If_Match": "{etag}"}, 200),
        ({"If_Modified_Since": "Fri, 01 Jan 2038 00:00:00 GMT", "If_None_Match": '"other"'}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reads_are_judged_by_etag_before_time(
    raw: RawClient, method: str, headers: dict[str, str], status: int
) -> None:
    etag = raw.put("cell", b"bytes").etag

    answer = raw.ask(method, "cell", **{name: word.format(etag=etag) for name, word in headers.items()})

    assert answer.status == status
    if status == 304:
        assert (answer.etag, answer.body) == (etag, b"")


def test_obstore_sees_an_unchanged_object_as_such(store: S3Store) -> None:
    etag = obstore.put(store, "cell", b"1")["e_tag"]

    with pytest.raises(NotModifiedError):
        obstore.get(store, "cell", options={"if_none_match": etag})


def test_a_delete_with_an_etag_spares_another_object(raw: RawClient, s3: S3Server) -> None:
    etag = raw.put("cell", b"1").etag
    raw.put("cell", b"2")

    assert raw.ask("DELETE", "cell", If_Match=etag).status == 412
    assert s3.buckets.read("models", "cell") == b"2"
    assert raw.ask("DELETE", "cell", If_Match="*").status == 204
    assert raw.ask("DELETE", "cell", If_Match=etag).status == 204


def test_copies_judge_source_and_target(raw: RawClient, s3: S3Server) -> None:
    etag = raw.put("a", b"a").etag
    source = {"x_amz_copy_source": "/models/a"}

    assert raw.put("b", b"", **source, x_amz_copy_source_if_match='"other"').status == 412
    assert raw.put("b", b"", **source, x_amz_copy_source_if_none_match=etag).status == 412
    assert raw.put("b", b"", x_amz_copy_source="models/nothing").code == "NoSuchKey"
    assert s3.buckets.keys("models") == ["a"]
    assert raw.put("b", b"", **source, x_amz_copy_source_if_match=etag, If_None_Match="*").status == 200
    assert raw.put("b", b"", **source, If_None_Match="*").status == 412
    assert raw.put("b", b"", **source, If_Match='"other"').status == 412
    assert raw.put("b", b"", **source, If_Match=etag).words("ETag") == [etag.replace('"', "&quot;")]
    assert raw.put("a", b"", **source).code == "InvalidRequest"


def test_of_fifty_threads_that_create_one_key_one_wins(open_store: Callable[..., S3Store], s3: S3Server) -> None:
    won: list[int] = []
    start = threading.Barrier(50)

    def create(number: int) -> None:
        store = open_store()
        start.wait()
        try:
            obstore.put(store, "cell", str(number).encode(), mode="create")
        except AlreadyExistsError:
            return
        won.append(number)

    _run([lambda number=number: create(number) for number in range(50)])

    assert len(won) == 1
    assert s3.buckets.read("models", "cell") == str(won[0]).encode()
    assert sorted({one.status for one in s3.log.requests("PutObject")}) == [200, 412]


def test_fifty_threads_that_count_by_compare_and_swap_lose_no_count(store: S3Store, s3: S3Server) -> None:
    obstore.put(store, "count", b"0")

    def count() -> None:
        done = 0
        while done < 4:
            got = obstore.get(store, "count")
            number = int(bytes(got.bytes()))
            try:
                obstore.put(store, "count", str(number + 1).encode(), mode={"e_tag": got.meta["e_tag"]})
            except PreconditionError:
                continue
            done += 1

    _run([count] * 50)

    assert s3.buckets.read("models", "count") == b"200"


def test_of_uploads_that_end_at_once_under_a_condition_one_wins(raw: RawClient) -> None:
    uploads = [raw.upload("large", str(number).encode()) for number in range(20)]
    statuses: list[int] = []

    _run(
        [
            lambda upload=upload: statuses.append(raw.complete("large", *upload, If_None_Match="*").status)
            for upload in uploads
        ]
    )

    assert sorted(statuses) == [200] + [412] * 19


def _run(bodies: list[Callable[[], None]]) -> None:
    failed: list[BaseException] = []

    def guarded(body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:  # noqa: BLE001  the test tells of it
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
