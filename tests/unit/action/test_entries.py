from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traintrack.action.entries import Chosen, Entries, in_columns
from traintrack.action.manifest import Entry, EntryType, Manifest
from traintrack.digest import ContentDigest, content_digest

PATHS = ["a", "a-x/f", "a/b", "a/b.c", "a/c/d", "a0", "ab", "große/ü\U0001f600", "\ue000", "z/z"]
DIGESTS = st.one_of(
    st.none(),
    st.binary(max_size=2).map(content_digest),
    # What only a hostile or made-up manifest has.
    st.sampled_from(["", "d", "D" * 64, "d" * 63 + " ", "dd " * 21 + "d", "\ud800", "é" * 64]).map(ContentDigest),
)
ENTRIES = st.builds(
    Entry,
    st.text(max_size=12),
    st.sampled_from(EntryType),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    DIGESTS,
    st.one_of(st.none(), st.text(max_size=5)),
)


def columns(*paths: str) -> Entries:
    return in_columns(Entry(path) for path in paths)


@given(st.lists(ENTRIES, unique_by=lambda e: e.path, max_size=20))
def test_entries_come_out_as_they_went_in_sorted_by_the_bytes_of_their_paths(entries: list[Entry]) -> None:
    expected = sorted(entries, key=lambda e: e.path.encode("utf-8", "surrogatepass"))
    found = in_columns(entries)

    assert list(found) == expected
    assert [found[n] for n in range(-len(found), len(found))] == expected * 2
    assert found[1:3] == tuple(expected[1:3])
    assert found == tuple(expected)
    assert tuple(expected) == found
    assert [found.find(e.path) for e in expected] == list(range(len(expected)))


@given(st.lists(ENTRIES, unique_by=lambda e: e.path, min_size=1, max_size=5), st.data())
def test_columns_are_equal_only_if_every_entry_is(entries: list[Entry], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(entries) - 1))
    other = data.draw(ENTRIES)
    changed = [*entries[:number], other, *entries[number + 1 :]]

    assert (in_columns(entries) == in_columns(changed)) == (list(in_columns(entries)) == list(in_columns(changed)))
    assert Manifest(in_columns(entries)) == Manifest(tuple(in_columns(entries)))


@pytest.mark.parametrize("folder", ["", "a", "a/c", "a/b", "große", "b", "z/z", "zz"])
def test_what_is_below_a_folder_is_what_begins_with_its_path(folder: str) -> None:
    found = columns(*PATHS)
    expected = [p for p in PATHS if p.startswith(f"{folder}/")] if folder else PATHS

    assert sorted(found[n].path for n in found.below(folder)) == sorted(expected)


def test_a_path_that_is_not_there_is_not_found() -> None:
    found = columns(*PATHS)

    assert [found.find(path) for path in ("", "a/", "a/c", "0", "zz", "\ud800")] == [None] * 6
    assert columns().find("a") is None


def test_links_are_listed_with_where_they_lead() -> None:
    link, odd = Entry("l", EntryType.LINK, target="a"), Entry("m", EntryType.LINK, True, 3, content_digest(b""), "b")

    assert in_columns([Entry("a"), odd, link]).links() == {"l": "a", "m": "b"}
    assert in_columns([Entry("a", target="no link")]).links() == {}


def test_some_entries_are_chosen_by_number() -> None:
    chosen = Chosen(columns("a", "b", "c", "d"), (3, 1))

    assert [e.path for e in chosen] == ["d", "b"]
    assert (chosen[0].path, chosen[-1].path, len(chosen)) == ("d", "b", 2)
    assert [e.path for e in chosen[1:]] == ["b"]


def test_no_file_is_larger_than_a_disk_can_say() -> None:
    with pytest.raises(OverflowError):
        in_columns([Entry("a", size=2**63)])
