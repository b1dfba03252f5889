"""Packs of code are written as private copies, and never outside of their folder."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from traintrack.errors import HostError, IntegrityError
from traintrack.runners.contract.code_folder import CodeStore, merge, read_pack, write_entry
from traintrack.testing.memory_storage import MemoryKept


def tar_of(*entries: tuple[str, str | bytes, int]) -> bytes:
    """Each entry is (name, content, mode); a content as text is a link, mode 0 with no content a folder."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        for name, content, mode in entries:
            info = tarfile.TarInfo(name)
            info.mode = mode
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return sink.getvalue()


def write(tmp_path: Path, packs: dict[str, tuple[str, bytes]]) -> Path:
    kept = MemoryKept()
    for object_id, data in packs.values():
        kept.put_named(f"code/{object_id.replace(':', '-')}", data)
    folder = tmp_path / "work"
    folder.mkdir()
    write_tree(CodeStore(kept), {path: object_id for path, (object_id, _) in packs.items()}, folder)
    return folder


def write_tree(store: CodeStore, code: dict[str, str], folder: Path) -> None:
    tree = store.read(code)
    for path in tree.folders:
        (folder / path).mkdir()
    for path, entry in tree.entries.items():
        write_entry(f"{folder}/{path}", entry)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_folder_a_file_and_the_root_appear_at_their_paths(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {
            "src/lib": ("t1", tar_of(("a/b.py", b"b", 0o444))),
            "conf/x.json": ("100644:f1", tar_of(("x.json", b"{}", 0o444))),
            ".": ("t2", tar_of(("top", b"t", 0o444))),
        },
    )

    assert files_of(folder) == {"conf/x.json": b"{}", "src/lib/a/b.py": b"b", "top": b"t"}


def test_modes_are_0444_and_0555_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        folder = write(tmp_path, {"s": ("t", tar_of(("f", b"", 0o444), ("x", b"", 0o555)))})
    finally:
        os.umask(before)

    assert [oct((folder / "s" / name).stat().st_mode & 0o777) for name in "fx"] == ["0o444", "0o555"]


def test_links_that_stay_inside_are_links(tmp_path: Path) -> None:
    folder = write(tmp_path, {"s": ("t", tar_of(("a", b"x", 0o444), ("d/l", "../a", 0o777)))})

    assert os.readlink(folder / "s" / "d" / "l") == "../a"


def test_overlapping_paths_are_written_once(tmp_path: Path) -> None:
    inner = tar_of(("b", b"b", 0o444))
    outer = tar_of(("a", b"a", 0o444), ("in/b", b"b", 0o444))

    assert files_of(write(tmp_path, {"s": ("t1", outer), "s/in": ("t2", inner)})) == {"s/a": b"a", "s/in/b": b"b"}


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ([("../x", b"", 0o444)], "../x"),
        ([("/x", b"", 0o444)], "/x"),
        ([("a/../../x", b"", 0o444)], "a/../../x"),
        ([("l", "/etc", 0o777)], "l"),
        ([("l", "../../..", 0o777)], "l"),
        ([("l", ".", 0o777), ("l/x", b"", 0o444)], "l/x"),
        ([("f", b"", 0o444), ("f/x", b"", 0o444)], "f/x"),
        ([("d/q", "l/..", 0o777), ("d/l", "../..", 0o777)], "d/q"),
    ],
)
def test_an_entry_that_could_leave_the_folder_is_refused_by_name(tmp_path: Path, entries, named: str) -> None:
    with pytest.raises(IntegrityError) as error:
        write(tmp_path, {"s": ("t", tar_of(*entries))})

    assert f"s/{named}" in error.value.message
    assert list((tmp_path / "work").iterdir()) == []


def test_a_device_is_refused() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as tar:
        info = tarfile.TarInfo("fifo")
        info.type = tarfile.FIFOTYPE
        tar.addfile(info)

    with pytest.raises(IntegrityError, match="neither file"):
        read_pack(sink.getvalue(), "s", "t")


def test_bytes_that_are_no_tar_are_damaged() -> None:
    with pytest.raises(IntegrityError, match="damaged"):
        read_pack(b"x" * 2000, "s", "t")


def test_paths_that_disagree_are_refused() -> None:
    one = read_pack(tar_of(("in/b", b"1", 0o444)), "s", "t")
    other = read_pack(tar_of(("b", b"2", 0o444)), "s/in", "u")

    with pytest.raises(IntegrityError, match="different"):
        merge([one, other])


def test_a_pack_that_is_absent_is_the_hosts_fault() -> None:
    with pytest.raises(HostError, match="`src`"):
        CodeStore(MemoryKept()).read({"src": "t"})


def test_a_small_pack_is_read_once(tmp_path: Path) -> None:
    kept = MemoryKept()
    kept.put_named("code/t", tar_of(("a", b"a", 0o444)))
    asked = []
    read = kept.get_named
    kept.get_named = lambda name: asked.append(name) or read(name)
    store = CodeStore(kept)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_tree(store, {"s": "t"}, tmp_path / name)

    assert asked == ["code/t"]
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two") == {"s/a": b"a"}
