"""The listing of a source: its digest, and the words for a difference."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traintrack.errors import InputError
from traintrack.ports.sources import SourceEntry
from traintrack.storages.sources.listing import ListingDigest, first_difference, header, row_of


def rows(*entries: SourceEntry) -> list[bytes]:
    return [header(), *map(row_of, entries)]


def entry(path: str, size: int = 1, version: str = "v") -> SourceEntry:
    return SourceEntry(path, size, version)


def test_the_digest_is_of_the_written_lines() -> None:
    digest = ListingDigest()
    digest.add(SourceEntry("a/b c.txt", 5, '"etag"'))
    digest.add(SourceEntry("l", 0, target="a"))
    digest.add(SourceEntry("s", None, ""))

    text = '"traintrack/listing/1"\n["a/b c.txt",5,"\\"etag\\""]\n["l",0,"-> a"]\n["s",null,""]\n'
    assert digest.hexdigest() == hashlib.sha256(text.encode()).hexdigest()
    assert (digest.files, digest.size_bytes) == (3, 5)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ([entry("a"), entry("b")], [entry("a"), entry("b")], None),
        ([entry("a"), entry("b")], [entry("b")], "`a` is gone"),
        ([entry("a")], [entry("a"), entry("b")], "`b` is new"),
        ([entry("b")], [entry("a"), entry("b")], "`a` is new"),
        ([entry("a"), entry("b")], [entry("a")], "`b` is gone"),
        ([entry("a", 1, "x")], [entry("a", 2, "y")], "`a` was 1 bytes (x) and is 2 bytes (y)"),
        ([], [entry("a")], "`a` is new"),
    ],
)
def test_the_first_difference_is_told(old: list[SourceEntry], new: list[SourceEntry], words: str | None) -> None:
    assert first_difference(rows(*old), rows(*new)) == words


_LISTINGS = st.dictionaries(st.sampled_from(["a", "a.b", "a/b", "b", "ä", "z"]), st.integers(0, 2))


@given(_LISTINGS, _LISTINGS)
def test_a_difference_is_told_if_and_only_if_there_is_one(old: dict[str, int], new: dict[str, int]) -> None:
    def written(listing: dict[str, int]) -> list[bytes]:
        return rows(*(entry(path, size) for path, size in sorted(listing.items(), key=lambda item: item[0].encode())))

    told = first_difference(written(old), written(new))

    assert (told is None) == (old == new)


@pytest.mark.parametrize("path", ["../x", "a/../b", "/abs", "a//b", "a\x00b", "a\nb", "", ".", "\udcff", "x" * 256])
def test_a_name_that_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InputError) as caught:
        row_of(entry(path))
    assert caught.value.code == "source-refused"
