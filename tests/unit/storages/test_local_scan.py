from __future__ import annotations

import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traintrack.action.manifest import Entry, EntryType, Manifest, read_manifest
from traintrack.digest import content_digest
from traintrack.errors import TaskError
from traintrack.storages.local.hashing import hash_file
from traintrack.storages.local.removal import remove_tree
from traintrack.storages.local.scan import _file, scan_output


def refusal(root: Path) -> TaskError:
    with pytest.raises(TaskError) as caught:
        scan_output(str(root))
    assert caught.value.code == "output-refused"
    assert caught.value.hint is not None
    return caught.value


def test_a_tree_is_listed_sorted_by_bytes_with_digests_sizes_and_exec_bits(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x").write_bytes(b"x")
    (tmp_path / "b-c").write_bytes(b"")
    (tmp_path / "é").write_bytes(b"e")
    (tmp_path / "B").write_bytes(b"B")
    (tmp_path / "B").chmod(0o4711)

    assert scan_output(str(tmp_path)) == Manifest(
        (
            Entry("B", executable=True, size=1, digest=content_digest(b"B")),
            Entry("b-c", digest=content_digest(b"")),
            Entry("b/x", size=1, digest=content_digest(b"x")),
            Entry("é", size=1, digest=content_digest(b"e")),
        )
    )


def test_what_is_scanned_can_be_read_back(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "l").symlink_to("d/../f")
    (tmp_path / "f").write_bytes(b"f")
    manifest = scan_output(str(tmp_path))

    assert read_manifest(manifest.canonical()) == manifest


def test_scanning_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"f")
    os.link(tmp_path / "f", tmp_path / "g")
    before = (tmp_path / "f").stat()
    scan_output(str(tmp_path))
    after = (tmp_path / "f").stat()

    assert (before.st_mode, before.st_nlink, before.st_ctime_ns) == (after.st_mode, after.st_nlink, after.st_ctime_ns)


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 16_385, 1 << 20, (4 << 20) + 1])
def test_a_file_of_any_size_has_the_digest_of_its_bytes(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "f").write_bytes(data[:size])
    with (tmp_path / "f").open("rb") as file:
        assert hash_file(file.fileno(), size) == (content_digest(data[:size]), size)
    with (tmp_path / "f").open("rb") as file:
        assert hash_file(file.fileno(), 0) == (content_digest(data[:size]), size)


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "..", "../", "../x", "d/../../x", "d/e/../../..", "./../x", "d/.././../x", "self"],
)
def test_a_link_that_leaves_or_has_no_end_is_refused_by_its_path(tmp_path: Path, target: str) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "self").symlink_to(target)

    assert "`self`" in refusal(tmp_path).message


def test_a_chain_of_links_that_leaves_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/e/l1").symlink_to("../..")
    (tmp_path / "q").symlink_to("d/e/l1/..")

    assert "`q`" in refusal(tmp_path).message


def test_links_that_stay_inside_are_kept_dangling_or_not(tmp_path: Path) -> None:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/e/l1").symlink_to("../..")
    (tmp_path / "a").symlink_to("d/e/l1/d/nothing")
    (tmp_path / "b").symlink_to("a")

    links = {e.path: e.target for e in scan_output(str(tmp_path)).entries if e.type is EntryType.LINK}
    assert links == {"a": "d/e/l1/d/nothing", "b": "a", "d/e/l1": "../.."}


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    assert "circle" in refusal(tmp_path).message


def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert "`pipe` is a device, a pipe or a socket" in refusal(tmp_path).message


def test_a_pipe_that_took_the_place_of_a_file_is_refused_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(TaskError):
            _file(folder, "f", "f")
    finally:
        os.close(folder)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # The path of a socket is limited to 107 bytes.
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")

        assert "`s`" in refusal(tmp_path).message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_refused(tmp_path: Path) -> None:
    subprocess.run(["mknod", str(tmp_path / "null"), "c", "1", "3"], check=True)

    assert "`null`" in refusal(tmp_path).message


@pytest.mark.parametrize("name", [b"\xff", b"a\nb", b"a\x00"[:1] + b"\x1b[31m", b"\x7f", b"caf\xe9"])
def test_a_name_that_cannot_be_shown_is_refused_and_shown_escaped(tmp_path: Path, name: bytes) -> None:
    with open(os.fsencode(tmp_path) + b"/" + name, "wb"):
        pass

    assert refusal(tmp_path).message.isprintable()


def test_a_link_text_that_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    os.symlink(b"\xff", os.fsencode(tmp_path) + b"/l")

    assert "`l` is a link whose text" in refusal(tmp_path).message


def test_a_tree_deeper_than_any_path_is_scanned_and_removed(tmp_path: Path) -> None:
    root = tmp_path / "deep"
    root.mkdir()
    depth, name = 3000, "d" * 20
    fd = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    manifest = scan_output(str(root))
    remove_tree(str(root))

    assert [e.path for e in manifest.entries] == ["/".join([name] * depth + ["leaf"])]
    assert not root.exists()


def test_a_file_that_grows_while_it_is_hashed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(b"before")

    def hash_and_write(fd: int, size: int) -> tuple[str, int]:
        result = hash_file(fd, size)
        (tmp_path / "f").write_bytes(b"after!")
        os.utime(tmp_path / "f", ns=(1, 1))
        return result

    monkeypatch.setattr("traintrack.storages.local.scan.hash_file", hash_and_write)

    assert "still being written" in refusal(tmp_path).message


def test_nothing_outside_is_read_while_a_folder_is_swapped_for_a_link(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "canary").write_bytes(b"canary")
    root = tmp_path / "out"
    (root / "d").mkdir(parents=True)
    (root / "d/canary").write_bytes(b"mine")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(root / "d", root / "e")
            os.symlink(secret, root / "d")
            os.unlink(root / "d")
            os.rename(root / "e", root / "d")

    thread = threading.Thread(target=swap)
    thread.start()
    digests = set()
    for _ in range(200):
        try:
            digests |= {e.digest for e in scan_output(str(root)).entries if e.type is EntryType.FILE}
        except (TaskError, OSError):
            continue
    stop.set()
    thread.join()

    assert content_digest(b"canary") not in digests


NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=6).map("/".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(folders=st.lists(PATHS, max_size=4), links=st.dictionaries(PATHS, TARGETS, max_size=5))
def test_what_is_accepted_never_leads_outside(tmp_path: Path, folders: list[str], links: dict[str, str]) -> None:
    root = tmp_path / "x/y/z"
    root.mkdir(parents=True)
    for folder in folders:
        _quietly(lambda f=folder: os.makedirs(root / f, exist_ok=True))
    for path, target in links.items():
        _quietly(lambda p=path: os.makedirs((root / p).parent, exist_ok=True))
        _quietly(lambda p=path, t=target: os.symlink(t, root / p))
    try:
        entries = scan_output(str(root)).entries
    except TaskError:
        entries = ()
    real = [os.path.realpath(root / e.path) for e in entries if e.type is EntryType.LINK]
    remove_tree(str(tmp_path / "x"))

    assert all(r == str(root) or r.startswith(f"{root}/") for r in real)


def _quietly(action: object) -> None:
    try:
        action()  # type: ignore[operator]
    except OSError:
        return
