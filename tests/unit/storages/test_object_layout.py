from __future__ import annotations

import json
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traintrack.action.manifest import Entry, EntryType, Manifest, make_manifest
from traintrack.digest import content_digest
from traintrack.errors import IntegrityError
from traintrack.storages.objects.keys import Keys
from traintrack.storages.objects.layout import StoredObject, decode_layout, encode_layout, keys_of
from traintrack.storages.objects.packs import PACK_BYTES, PLAIN_FROM_BYTES, place
from traintrack.storages.objects.stretches import MOST_BYTES, stretches

KEYS = Keys("ns")
KEY = f"ns/data/aa/{'a' * 64}.0"
SMALL = 700_000


def manifest_of(*sizes: int) -> Manifest:
    """Files with these sizes; equal sizes are equal files."""
    return make_manifest(
        Entry(f"{n:04}", size=size, digest=content_digest(b"%d" % size)) for n, size in enumerate(sizes)
    )


TWO = make_manifest(
    [
        Entry("a", size=4, digest=content_digest(b"aaaa")),
        Entry("b", EntryType.LINK, target="a"),
        Entry("c", size=0, digest=content_digest(b"")),
        Entry("d", size=6, digest=content_digest(b"dddddd")),
    ]
)


def document(**fields: object) -> bytes:
    return json.dumps({"format": "traintrack/layout/2", "objects": [[KEY, 10]], "rows": [0, 0, 0, 4]} | fields).encode()


def test_rows_follow_the_manifest_without_links_and_empty_files() -> None:
    layout = decode_layout(document(), TWO, KEYS)

    assert [(p.entry.path, p.object.key, p.offset) for p in layout.placed(TWO)] == [("a", KEY, 0), ("d", KEY, 4)]
    assert encode_layout(layout.objects, layout.rows) == document().replace(b" ", b"")
    assert keys_of(document()) == {KEY}


HOSTILE = {
    "negative offset": {"rows": [0, 0, 0, -1]},
    "offset beyond the object": {"rows": [0, 0, 0, 5]},
    "huge offset": {"rows": [0, 0, 0, 1 << 62]},
    "offset beyond 64 bits": {"rows": [0, 0, 0, 1 << 70]},
    "negative object": {"rows": [-1, 0, 0, 4]},
    "object that is not there": {"rows": [1, 0, 0, 4]},
    "too few rows": {"rows": [0, 0]},
    "too many rows": {"rows": [0, 0, 0, 4, 0, 0]},
    "half a row": {"rows": [0, 0, 0]},
    "rows of text": {"rows": ["0", "0", "0", "4"]},
    "rows of fractions": {"rows": [0, 0, 0, 4.5]},
    "a cell as object": {"objects": [["ns/cell/aa/" + "a" * 64, 10]]},
    "another namespace": {"objects": [[KEY.replace("ns/", "other/"), 10]]},
    "a way out of the data": {"objects": [["ns/data/../cell/" + "a" * 64, 10]]},
    "a digest in another folder": {"objects": [[KEY.replace("/aa/", "/ab/"), 10]]},
    "no round": {"objects": [[KEY.removesuffix(".0"), 10]]},
    "a round with a line end": {"objects": [[KEY + "\n", 10]]},
    "a negative size": {"objects": [[KEY, -10]]},
    "a huge size": {"objects": [[KEY, 1 << 62]]},
    "an object twice": {"objects": [[KEY, 10], [KEY, 10]]},
    "an object with more": {"objects": [[KEY, 10, 1]]},
    "another field": {"more": 1},
    "another format": {"format": "traintrack/layout/3"},
    "no rows": {"rows": None},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_layout_that_leads_elsewhere_is_refused(kind: str) -> None:
    with pytest.raises(IntegrityError):
        decode_layout(document(**HOSTILE[kind]), TWO, KEYS)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, document()[:-1]])
def test_bytes_that_are_no_layout_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        decode_layout(data, TWO, KEYS)
    with pytest.raises(IntegrityError):
        keys_of(data)


@given(st.binary())
def test_any_bytes_are_a_layout_or_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        decode_layout(data, TWO, KEYS)


@given(st.lists(st.integers(0, 2 * PLAIN_FROM_BYTES), max_size=60), st.integers(0, 3))
def test_every_file_has_a_place_of_its_own_bytes(sizes: list[int], repeats: int) -> None:
    manifest = manifest_of(*sizes, *sizes[:repeats])
    placement = place(manifest)
    lengths = [e.size for e in placement.plain] + [p.size_bytes for p in placement.packs]
    objects = [StoredObject(KEYS.blob(content_digest(b"%d" % n), 0), size) for n, size in enumerate(lengths)]

    layout = decode_layout(encode_layout(objects, placement.rows), manifest, KEYS)

    placed = list(layout.placed(manifest))
    assert [p.entry for p in placed] == [e for e in manifest.entries if e.size]
    assert all(size <= PACK_BYTES for size in lengths[len(placement.plain) :])
    # All bytes of the objects are some file's, and no two different files share one.
    spans = sorted({(p.object.key, p.offset, p.entry.size, p.entry.digest) for p in placed})
    assert sum(size for _, _, size, _ in spans) == sum(lengths)
    for (key, start, size, _), (other, after, _, _) in pairwise(spans):
        assert key != other or start + size <= after


@given(st.lists(st.integers(1, SMALL), max_size=80), st.sets(st.integers(0, 79)))
def test_stretches_bring_each_wanted_file_once_and_are_short(sizes: list[int], wanted: set[int]) -> None:
    manifest = manifest_of(*sizes)
    placement = place(manifest)
    objects = [StoredObject(f"pack{n}", p.size_bytes) for n, p in enumerate(placement.packs)]
    layout = decode_layout(
        encode_layout(
            [StoredObject(KEYS.blob(content_digest(o.key.encode()), 0), o.size_bytes) for o in objects], placement.rows
        ),
        manifest,
        KEYS,
    )
    some = [p for n, p in enumerate(layout.placed(manifest)) if n in wanted]

    found = list(stretches(some))

    assert sorted(p.entry.path for s in found for p in s.files) == [p.entry.path for p in some]
    for stretch in found:
        assert 0 < stretch.length <= MOST_BYTES
        for placed in stretch.files:
            assert placed.object.key == stretch.key
            assert stretch.start <= placed.offset
            assert placed.offset + placed.entry.size <= stretch.start + stretch.length


def test_packs_are_closed_before_they_grow_too_long() -> None:
    packs = place(manifest_of(*(SMALL + n for n in range(50)))).packs

    assert len(packs) == 3
    assert all(pack.size_bytes == sum(e.size for e in pack.files) <= PACK_BYTES for pack in packs)


def test_neighbours_are_read_at_once_and_far_files_apart() -> None:
    sizes = [1000 + n for n in range(3)] + [900_000] + [500]
    manifest = manifest_of(*sizes)
    placement = place(manifest)
    objects = [StoredObject(KEYS.blob(content_digest(b"pack"), 0), placement.packs[0].size_bytes)]
    placed = list(decode_layout(encode_layout(objects, placement.rows), manifest, KEYS).placed(manifest))

    assert [len(s.files) for s in stretches(placed)] == [5]
    assert [len(s.files) for s in stretches([placed[0], placed[2], placed[4]])] == [2, 1]


def test_half_a_million_rows_are_compact() -> None:
    rows = array("q", (n for i in range(500_000) for n in (i // 4096, i % 4096 * 4096)))

    assert len(encode_layout([], rows)) < 7_000_000


def test_a_download_goes_through_one_object_after_the_other() -> None:
    manifest = manifest_of(*(SMALL + n for n in range(50)), SMALL, SMALL + 30, 0)
    placement = place(manifest)
    objects = [
        StoredObject(KEYS.blob(content_digest(b"%d" % n), 0), p.size_bytes) for n, p in enumerate(placement.packs)
    ]
    layout = decode_layout(encode_layout(objects, placement.rows), manifest, KEYS)

    everything = list(layout.by_object(manifest, range(53)))

    assert [(p.object, p.offset) for p in everything] == sorted(
        ((p.object, p.offset) for p in layout.placed(manifest)), key=lambda at: (objects.index(at[0]), at[1])
    )
    assert sorted(p.entry.path for p in everything) == [e.path for e in manifest.entries if e.size]
    assert [p.entry.path for p in layout.by_object(manifest, (51, 1, 52))] == ["0001", "0051"]
