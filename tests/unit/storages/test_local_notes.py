from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traintrack.action.manifest import Entry, Manifest, make_manifest
from traintrack.digest import ArtifactDigest
from traintrack.storages.local.checksum import with_sum
from traintrack.storages.local.notes import Notes, decode_notes, encode_notes, notes_are_readable

ARTIFACT = ArtifactDigest("a" * 64)
NUMBERS = st.integers(0, 2**64 - 1)


def manifest(files: int) -> Manifest:
    return make_manifest(Entry(f"{number:05}") for number in range(files))


def noted(files: int, found: dict[int, tuple[int, ...]]) -> Notes:
    notes = Notes(files)
    for number, note in found.items():
        notes.put(number, note)
    return notes


def read(data: bytes | None, files: int) -> dict[int, tuple[int, ...]]:
    notes = decode_notes(data, ARTIFACT, manifest(files))
    assert notes.fresh == 0
    return {number: note for number in range(files) if (note := notes.note(number)) is not None}


def stored(document: object) -> bytes:
    return with_sum(msgspec.json.encode(document), ARTIFACT)


@given(st.dictionaries(st.integers(0, 29), st.tuples(NUMBERS, NUMBERS, NUMBERS, st.integers(1, 2**64 - 1))))
def test_notes_come_out_as_they_went_in(found: dict[int, tuple[int, ...]]) -> None:
    data = encode_notes(noted(30, found), ARTIFACT)

    assert read(data, 30) == found
    assert notes_are_readable(data, ARTIFACT)


@pytest.mark.parametrize("files", [999, 1000, 1001, 2500])
def test_many_notes_are_stored_in_pieces(files: int) -> None:
    found = {number: (number, 1, 2, 3) for number in range(files)}
    data = encode_notes(noted(files, found), ARTIFACT)

    assert read(data, files) == found
    assert max(map(len, msgspec.json.decode(data)["files"])) <= 4005


def test_notes_by_path_of_an_older_version_are_read() -> None:
    files = {"00001": [7, -1, 2, 3], "gone": [1, 1, 1, 1]}
    data = stored({"format": "traintrack/layout/1", "files": files})

    assert read(data, 3) == {1: (7, 2**64 - 1, 2, 3)}
    assert notes_are_readable(data, ARTIFACT)
    assert read(b'{"format":"traintrack/layout/1","files":{"00000":[1,2,3,4]}}', 3) == {0: (1, 2, 3, 4)}


@pytest.mark.parametrize(
    "files",
    [
        [[0, 1, 2, 3]],
        [[2, 1, 2, 3, 4, 1, 2, 3, 4]],
        [[-1, 1, 2, 3, 4]],
        [[0, 1, 2, 3, 2**64]],
        [[0, -1, 2, 3, 4]],
        [[]],
        [["0"]],
        {},
        None,
    ],
)
def test_notes_that_fit_no_manifest_are_as_good_as_none(files: object) -> None:
    assert read(stored({"format": "traintrack/notes/2", "files": files}), 3) == {}


def test_notes_of_another_artifact_or_with_a_flipped_bit_are_none() -> None:
    data = encode_notes(noted(3, {0: (1, 2, 3, 4)}), ARTIFACT)
    flipped = data.replace(b"[0,1,", b"[0,3,")

    assert decode_notes(data, ArtifactDigest("b" * 64), manifest(3)).note(0) is None
    assert flipped != data
    assert read(flipped, 3) == {}
    assert not notes_are_readable(flipped, ARTIFACT)
