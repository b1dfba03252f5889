from __future__ import annotations

import pytest

from traintrack.action.links import first_escape, resolve_inside
from traintrack.action.manifest import Entry, EntryType, Manifest, make_manifest, read_manifest
from traintrack.digest import ContentDigest
from traintrack.errors import IntegrityError

DIGEST = ContentDigest("0" * 64)


@pytest.mark.parametrize(
    ("links", "path", "end"),
    [
        ({}, "a/b", "a/b"),
        ({}, "a/../b/.", "b"),
        ({}, "..", None),
        ({"a": "b"}, "a/c", "b/c"),
        ({"a": "b", "b": "c/d"}, "a/..", "c"),
        ({"d/e/l1": "../.."}, "d/e/l1", ""),
        ({"d/e/l1": "../.."}, "d/e/l1/..", None),
        ({"a": "/etc"}, "a", None),
        ({"a": ""}, "a", None),
        ({"a": "a"}, "a", None),
        ({"a": "b/x", "b": "a/y"}, "a", None),
    ],
)
def test_a_path_is_followed_as_the_kernel_would(links: dict[str, str], path: str, end: str | None) -> None:
    assert resolve_inside(links, path) == end


def test_a_chain_that_the_kernel_refuses_is_refused() -> None:
    chain = {f"l{n}": f"l{n + 1}" for n in range(60)}

    assert resolve_inside(chain, "l20") == "l60"
    assert resolve_inside(chain, "l19") is None
    assert first_escape(chain) == "l0"


def test_a_bomb_of_links_ends_at_once() -> None:
    links = {f"l{n}": "/../".join([f"l{n + 1}"] * 10) for n in range(39)}

    assert resolve_inside(links, "l0") is None


def link(path: str, target: str) -> Entry:
    return Entry(path, EntryType.LINK, target=target)


HOSTILE = [
    (link("a", "../x"),),
    (link("d/e/l1", "../.."), link("q", "d/e/l1/..")),
    (link("a", "b"), link("b", "a")),
    (link("a", "x\ny"),),
    (link("", "a"),),
    (Entry("../x", size=0, digest=DIGEST),),
    (Entry("/etc/x", size=0, digest=DIGEST),),
    (Entry("a//b", size=0, digest=DIGEST),),
    (Entry("a\x1b", size=0, digest=DIGEST),),
    (Entry("x" * 256, size=0, digest=DIGEST),),
    (Entry("a", size=0, digest=DIGEST), Entry("a/b", size=0, digest=DIGEST)),
    (Entry("a", EntryType.FOLDER), Entry("a/b", size=0, digest=DIGEST)),
    (Entry("a", size=0, digest=DIGEST), Entry("a-b", size=0, digest=DIGEST), Entry("a/b", size=0, digest=DIGEST)),
    (Entry("a", size=0, digest=DIGEST), Entry("a", size=0, digest=DIGEST)),
    (Entry("b", size=0, digest=DIGEST), Entry("a", size=0, digest=DIGEST)),
    (Entry("a", size=-1, digest=DIGEST),),
    (Entry("a", size=0, digest=ContentDigest("x")),),
]


@pytest.mark.parametrize("entries", HOSTILE)
def test_a_hostile_manifest_is_refused_whole(entries: tuple[Entry, ...]) -> None:
    with pytest.raises(IntegrityError) as caught:
        read_manifest(Manifest(entries).canonical())
    assert caught.value.code == "manifest-refused"


def test_a_deep_and_linked_manifest_is_read() -> None:
    deep = "/".join(["d"] * 2000)
    manifest = make_manifest(
        [Entry(f"{deep}/f", size=0, digest=DIGEST), link("d/l", "../latest/x"), link("latest", "d/d")]
    )

    assert read_manifest(manifest.canonical()) == manifest
