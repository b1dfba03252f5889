from __future__ import annotations

import pytest

from traintrack.action.manifest import Entry, EntryType, Manifest, make_manifest, read_manifest
from traintrack.digest import canonical_json, content_digest
from traintrack.errors import IntegrityError


def long_manifest(files: int) -> Manifest:
    entries = [Entry(f"ü{n:05}", size=n, digest=content_digest(b"%d" % n)) for n in range(files)]
    return make_manifest([*entries, Entry("empty", EntryType.FOLDER), Entry("link", EntryType.LINK, target="empty")])


@pytest.mark.parametrize("files", [0, 1, 1997, 1998, 1999, 4001])
def test_a_long_file_list_has_the_bytes_that_it_has_in_one_piece(files: int) -> None:
    manifest = long_manifest(files)
    rows = [
        {"path": e.path, "type": "file", "exec": False, "size": e.size, "digest": e.digest}
        if e.type is EntryType.FILE
        else {"path": e.path, "type": e.type.value} | ({"target": e.target} if e.target else {})
        for e in manifest.entries
    ]

    whole = canonical_json({"files": rows, "format": "traintrack/manifest/1"})
    assert manifest.canonical() == whole
    assert manifest.digest() == content_digest(whole)
    assert read_manifest(whole) == manifest
    assert Manifest(()).canonical() == b'{"files":[],"format":"traintrack/manifest/1"}'


@pytest.mark.parametrize(
    "change", [lambda d: d + b" ", lambda d: b" " + d, lambda d: d.replace(b'"size":2500', b'"size": 2500')]
)
def test_another_spelling_of_a_long_file_list_is_refused(change) -> None:
    with pytest.raises(IntegrityError, match="canonical form"):
        read_manifest(change(long_manifest(4001).canonical()))
