"""Data on a disk of this machine: listed without being opened, in time and memory that grow with it and no faster."""

from __future__ import annotations

import os
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from opening import digest_of, fetched, listed, sources

from traintrack.action.action import Origin
from traintrack.digest import ArtifactDigest
from traintrack.errors import InputError, IntegrityError
from traintrack.storages.sources.progress import Progress

_OPENED: list[str] = []
_WATCHES = [False]


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _WATCHES[0] and event == "open":
        _OPENED.append(str(arguments[0]))


sys.addaudithook(_watch)


@contextmanager
def opened() -> Iterator[list[str]]:
    """Every file that this process opens meanwhile, whoever does it."""
    _OPENED.clear()
    _WATCHES[0] = True
    try:
        yield _OPENED
    finally:
        _WATCHES[0] = False


def filled(root: Path, files: int = 6) -> Path:
    for number in range(files):
        path = root / f"{number % 97:02}" / f"{number:07}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    return root


def test_paths_come_sorted_by_their_bytes_as_a_bucket_would_list_them(tmp_path: Path) -> None:
    for path in ("a/z", "a.txt", "a-b/x", "ä", "b/c/d", "b/c.d"):
        (tmp_path / "d" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / path).write_text("x")

    paths = [e.path for e in listed("d", tmp_path)]

    assert paths == sorted(paths, key=str.encode)
    assert len(paths) == 6


def _listing_opens_nothing(root: Path, files: int) -> None:
    filled(root, files)
    with opened() as seen:
        digest_of(str(root))
    assert [path for path in seen if path.endswith(".txt")] == []

    tracemalloc.start()
    count = sum(1 for _ in sources(root).list(str(root)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == files
    # The names of one folder of the 97, and never all.
    assert peak < 1_000_000 + files / 97 * 400


def test_listing_twenty_thousand_files_opens_none_and_holds_few(tmp_path: Path) -> None:
    _listing_opens_nothing(tmp_path, 20_000)


@pytest.mark.torture
def test_listing_six_hundred_thousand_files_opens_none_and_holds_few(tmp_path: Path) -> None:
    _listing_opens_nothing(tmp_path, 600_000)


def test_the_watch_on_opened_files_sees_them(tmp_path: Path) -> None:
    filled(tmp_path / "d")
    with opened() as seen:
        fetched("d", tmp_path / "x", tmp_path)

    # Read, written, and read by this test.
    assert sum(path.endswith(".txt") for path in seen) == 3 * 6


def test_a_touched_file_is_another_listing(tmp_path: Path) -> None:
    filled(tmp_path)
    before = digest_of(str(tmp_path))
    os.utime(tmp_path / "01" / "0000001.txt", ns=(1, 1))

    assert digest_of(str(tmp_path)) != before


def test_links_and_rights_to_execute_come_along(tmp_path: Path) -> None:
    root = filled(tmp_path / "d")
    (root / "00/run").write_text("x")
    (root / "00/run").chmod(0o755)
    (root / "link").symlink_to("00/run")
    (root / "folder").symlink_to("00")

    fetched("d", tmp_path / "x", tmp_path)

    assert os.readlink(tmp_path / "x/link") == "00/run"
    assert os.readlink(tmp_path / "x/folder") == "00"
    assert os.access(tmp_path / "x/00/run", os.X_OK)
    assert not (tmp_path / "x/00/0000000.txt").stat().st_mode & 0o111


def test_a_link_that_leaves_the_data_is_refused(tmp_path: Path) -> None:
    root = filled(tmp_path / "d")
    (root / "out").symlink_to("../../etc/passwd")

    with pytest.raises(InputError, match="leaves it"):
        fetched("d", tmp_path / "x", tmp_path)


def test_a_file_that_changed_after_it_was_listed_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "d")
    entries = listed("d", tmp_path)
    os.utime(tmp_path / "d/01/0000001.txt", ns=(1, 1))

    with pytest.raises(IntegrityError):
        sources(tmp_path).fetch("d", iter(entries), tmp_path / "x", Progress("", lambda _: None))


def test_a_mounted_disk_is_found_by_its_name(tmp_path: Path) -> None:
    filled(tmp_path / "disk/a")

    assert len(listed("efs://fs/a", tmp_path, fs=str(tmp_path / "disk"))) == 6


@pytest.mark.parametrize(
    ("uri", "words"),
    [("efs://other/a", "no environment says"), ("efs://gone/a", "not mounted"), ("efs://fs/../x", r"\.\.")],
)
def test_a_disk_that_is_not_here_is_told_with_the_edit(tmp_path: Path, uri: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        listed(uri, tmp_path, fs=str(tmp_path), gone=str(tmp_path / "gone"))
    assert caught.value.hint


def test_a_device_is_no_data(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(InputError, match="pipe"):
        listed(str(tmp_path))


def test_data_is_brought_read_only_and_only_if_it_is_what_was_pinned(tmp_path: Path) -> None:
    filled(tmp_path / "d")
    pinned = digest_of("d", tmp_path)

    sources(tmp_path).bring(Origin("d", listing=pinned), tmp_path / "x")
    with pytest.raises(IntegrityError, match="pinned"):
        sources(tmp_path).bring(Origin("d", listing="0" * 64), tmp_path / "y")
    with pytest.raises(IntegrityError, match="pinned"):
        sources(tmp_path).bring(Origin("d", content=ArtifactDigest("0" * 64)), tmp_path / "z")

    modes = {p.stat().st_mode & 0o777 for p in (tmp_path / "x").rglob("*.txt")}
    assert modes == {0o444}


def test_of_a_part_only_that_part_is_brought_and_all_is_checked(tmp_path: Path) -> None:
    filled(tmp_path / "d")
    pinned = digest_of("d", tmp_path)

    sources(tmp_path).bring(Origin("d", listing=pinned), tmp_path / "x", "01")
    with pytest.raises(InputError, match="has no `nope`"):
        sources(tmp_path).bring(Origin("d", listing=pinned), tmp_path / "y", "nope")

    assert [p.name for p in (tmp_path / "x").rglob("*.txt")] == ["0000001.txt"]
