"""Data behind a URL: what is told of it, and how it comes over a bad line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from file_server import FileServer, Served
from opening import digest_of, fetched, listed

from traintrack.errors import HostError, InputError, IntegrityError
from traintrack.ports.sources import SourceEntry

DATA = os.urandom(3_000_000)


def test_a_listing_is_one_head_request_and_reads_no_byte(web: FileServer) -> None:
    web.files["/a/data.zip"] = Served(DATA)

    assert listed(web.url("/a/data.zip?sig=1")) == [SourceEntry("data.zip", len(DATA), 'etag "1"')]
    assert web.asked == [("HEAD", "/a/data.zip", None)]


def test_a_server_without_head_is_asked_with_get_and_left_before_the_body(web: FileServer) -> None:
    web.files["/d"] = Served(DATA, head_status=405)

    assert listed(web.url("/d"))[0].size_bytes == len(DATA)


def test_without_an_etag_the_time_of_change_is_the_version(web: FileServer) -> None:
    web.files["/d"] = Served(b"x", etag=None, modified="Sat, 21 Nov 2026 04:00:00 GMT")
    before = digest_of(web.url("/d"))
    web.files["/d"].modified = "Sat, 21 Nov 2026 05:00:00 GMT"

    assert digest_of(web.url("/d")) != before


def test_a_cut_is_read_on_from_where_it_was(web: FileServer, tmp_path: Path) -> None:
    web.files["/d"] = Served(DATA, cuts=[1_000_000, 500_000])

    assert fetched(web.url("/d"), tmp_path / "x") == {"d": DATA}
    assert web.gets() == [None, "bytes=1000000-", "bytes=1500000-"]


@pytest.mark.parametrize(
    ("etag", "takes_ranges", "second"), [(None, True, None), ('W/"1"', True, None), ('"1"', False, "bytes=1000000-")]
)
def test_what_cannot_be_read_on_is_read_anew(
    web: FileServer, tmp_path: Path, etag: str | None, takes_ranges: bool, second: str | None
) -> None:
    web.files["/d"] = Served(DATA, etag=etag, takes_ranges=takes_ranges, cuts=[1_000_000])

    assert fetched(web.url("/d"), tmp_path / "x") == {"d": DATA}
    assert web.gets() == [None, second]


def test_many_cuts_are_borne_as_long_as_bytes_come(web: FileServer, tmp_path: Path) -> None:
    web.files["/d"] = Served(DATA, cuts=[300_000] * 9)

    assert fetched(web.url("/d"), tmp_path / "x") == {"d": DATA}


def test_cuts_without_a_byte_end_in_an_error_that_says_how_often_it_was_tried(web: FileServer, tmp_path: Path) -> None:
    web.files["/d"] = Served(DATA, cuts=[1_000_000, 0, 0, 0, 0])

    with pytest.raises(HostError, match="tried 3 times") as caught:
        fetched(web.url("/d"), tmp_path / "x")
    assert caught.value.code == "source-unreachable"


def test_bytes_that_change_between_two_parts_are_never_mixed(web: FileServer, tmp_path: Path) -> None:
    file = web.files["/d"] = Served(DATA, cuts=[1_000_000])
    listing = listed(web.url("/d"))
    file.data, file.etag = DATA[::-1], '"2"'
    assert listing[0].version == 'etag "1"'

    with pytest.raises(IntegrityError, match="changed while it was read"):
        _fetch_listed(web, tmp_path, listing)


def _fetch_listed(web: FileServer, tmp_path: Path, listing: list[SourceEntry]) -> None:
    from opening import sources

    from traintrack.storages.sources.progress import Progress

    sources(tmp_path).fetch(web.url("/d"), iter(listing), tmp_path / "x", Progress("", lambda _: None))


def test_a_busy_server_is_asked_again(web: FileServer, tmp_path: Path) -> None:
    web.files["/d"] = Served(b"x", busy=[503, 500])

    assert fetched(web.url("/d"), tmp_path / "x") == {"d": b"x"}


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(404, InputError, "source-missing"), (401, HostError, "source-denied"), (500, HostError, "source-unreachable")],
)
def test_a_refusal_is_told_in_words(web: FileServer, status: int, kind: type[Exception], code: str) -> None:
    web.files["/d"] = Served(status=status)

    with pytest.raises(kind, match=str(status)) as caught:
        listed(web.url("/d"))
    assert caught.value.code == code
    assert caught.value.hint


def test_a_redirect_is_followed_by_the_same_method(web: FileServer, tmp_path: Path) -> None:
    web.files["/d"] = Served(status=302, location=web.url("/real"))
    web.files["/real"] = Served(b"real")

    assert fetched(web.url("/d"), tmp_path / "x") == {"d": b"real"}
    assert [method for method, _, _ in web.asked] == ["HEAD", "HEAD", "GET", "GET"]


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/d", "file:///etc/passwd", "ftp://127.0.0.1/d"])
def test_a_redirect_never_leaves_https(web: FileServer, location: str) -> None:
    web.files["/d"] = Served(status=302, location=location)

    with pytest.raises(HostError, match=r"not https|says 302"):
        listed(web.url("/d"))


def test_a_body_without_a_length_is_taken_as_it_comes(web: FileServer, tmp_path: Path) -> None:
    web.files["/d"] = Served(DATA, tells_length=False)

    assert fetched(web.url("/d"), tmp_path / "x") == {"d": DATA}


@pytest.mark.parametrize(("path", "name"), [("/", "data"), ("/a%2Fb", "data"), ("/..", "data"), ("/x%20y", "x y")])
def test_the_name_of_the_file_is_one_that_a_file_may_have(web: FileServer, path: str, name: str) -> None:
    web.files[path] = Served(b"x")

    assert listed(web.url(path))[0].path == name


def test_a_certificate_of_nobody_is_refused(web: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")

    with pytest.raises(HostError, match="certificate is not trusted"):
        listed(web.url("/d"))


def test_nobody_there_is_told_after_some_tries() -> None:
    with pytest.raises(HostError, match="refused"):
        listed("https://127.0.0.1:1/x")
