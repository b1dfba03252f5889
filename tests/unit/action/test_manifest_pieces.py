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


def test_texts_that_look_like_the_end_of_a_row_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traintrack.action.manifest._BYTES_AT_ONCE", 1)
    digest = content_digest(b"")
    odd = [
        '},{"digest":',
        '},{"path":',
        "a},{",
        '"},{',
        '\\"},{"path":"x"',
        "},",
        '],"format":"traintrack/manifest/1"}',
    ]
    manifest = make_manifest(
        [Entry(name, size=1, digest=digest) for name in odd]
        + [Entry(f"l{n}", EntryType.LINK, target=name) for n, name in enumerate(odd)]
    )

    assert read_manifest(manifest.canonical()) == manifest


@pytest.mark.parametrize("garbage", [b",", b"]", b"{},", b'{"path":"a","type":"dir"},', b"\xff", b'"'])
@pytest.mark.parametrize("number", [0, 1, 2000, 4000])
def test_garbage_between_rows_is_damage(garbage: bytes, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traintrack.action.manifest._BYTES_AT_ONCE", 1 << 14)
    data = long_manifest(4001).canonical()
    at = data.index(b'{"digest":"' + content_digest(b"%d" % number).encode())

    with pytest.raises(IntegrityError) as caught:
        read_manifest(data[:at] + garbage + data[at:])

    assert caught.value.code in ("manifest-damaged", "manifest-refused")


def test_a_size_that_no_file_has_is_refused() -> None:
    data = long_manifest(3).canonical().replace(b'"size":2,', b'"size":9223372036854775808,')

    with pytest.raises(IntegrityError) as caught:
        read_manifest(data)

    assert caught.value.code == "manifest-refused"
