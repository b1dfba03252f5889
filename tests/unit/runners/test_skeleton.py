"""A stage that is used again looks like a new one, whatever was done to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from traintrack.runners.contract import skeleton as module
from traintrack.runners.contract.code_folder import CodeEntry, CodeKind, CodeTree
from traintrack.runners.contract.skeleton import Skeleton

CODE = CodeTree(
    ("src", "src/deep"),
    {
        "src/a.py": CodeEntry(CodeKind.FILE, b"a = 1\n"),
        "src/deep/run": CodeEntry(CodeKind.PROGRAM, b"#!/bin/sh\n"),
        "src/link": CodeEntry(CodeKind.LINK, b"a.py"),
    },
)


def furnished(folder: Path) -> tuple[Skeleton, Path]:
    stage = folder / "stage"
    stage.mkdir()
    skeleton = Skeleton(str(stage))
    furnish(skeleton)
    return skeleton, stage


def furnish(skeleton: Skeleton, code: CodeTree = CODE) -> None:
    skeleton.furnish(code)
    skeleton.write_config(b"{}\n")


def look(stage: Path) -> dict[str, tuple[int, object]]:
    """Every path below the stage with its mode, and its content, text of link or None."""
    found: dict[str, tuple[int, object]] = {}
    for path in sorted(stage.rglob("*")):
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(stage))] = (path.lstat().st_mode, content)
    return found


@pytest.fixture(params=[False, True], ids=["just written", "written long ago"])
def skeleton(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Skeleton, Path]:
    """A stage in use; in one case its times are trusted, in the other they could still hide a change."""
    monkeypatch.setattr(module, "_TICK_NS", -(10**12) if request.param else 10**12)
    return furnished(tmp_path)


def changed_in_time(act: Callable[[], object], path: Path) -> None:
    """Do something to a path until its time of change shows it, as it would for a file of some age."""
    before = path.lstat().st_ctime_ns
    act()
    while path.lstat().st_ctime_ns == before:
        act()


@pytest.mark.parametrize(
    "mess",
    [
        lambda s: (s / "work" / "scratch").write_text("x"),
        lambda s: (s / "home" / ".cache" / "deep").mkdir(parents=True),
        lambda s: (s / "temporary" / "x").symlink_to("/etc"),
        lambda s: (s / "in" / "evals").mkdir(),
        lambda s: (s / "checkpoints" / "last").write_text("x"),
        lambda s: (s / "unexpected").mkdir(),
        lambda s: (s / "work" / "src" / "__pycache__").mkdir(),
        lambda s: (s / "log").write_text("words"),
        lambda s: (s / "work" / "src" / "a.py").unlink(),
        lambda s: (s / "config.yaml").unlink(),
        lambda s: (s / "checkpoints").rmdir(),
        lambda s: os.mkfifo(s / "home" / "pipe"),
    ],
)
def test_what_was_left_is_gone_and_what_is_missing_comes_back(
    skeleton: tuple[Skeleton, Path], mess: Callable[[Path], object]
) -> None:
    used, stage = skeleton
    before = look(stage)
    for folder in (stage, *stage.rglob("*")):
        if folder.is_dir() and not folder.is_symlink():
            # So much time passes in life between making a stage and a task's first change.
            changed_in_time(lambda folder=folder: ((folder / "~").touch(), (folder / "~").unlink()), folder)
    mess(stage)
    clean = used.clean()
    furnish(used)

    assert clean
    assert look(stage) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda s: (s / "home").chmod(0o500),
        lambda s: s.chmod(0o755),
        lambda s: ((s / "home").rename(s / "old"), (s / "home").mkdir(0o755)),
        lambda s: (s / "work" / "src" / "deep").rename(s / "deep"),
        lambda s: (s / "work").rename(s.parent / "moved"),
        lambda s: ((s / "work" / "src").rename(s / "x"), (s / "work" / "src").symlink_to(s / "x")),
    ],
)
def test_a_folder_that_was_changed_itself_spoils_the_stage(
    skeleton: tuple[Skeleton, Path], change: Callable[[Path], object]
) -> None:
    used, stage = skeleton
    change(stage)

    assert not used.clean()

    used.remove()

    assert not stage.exists()


def test_an_attribute_of_a_folder_spoils_the_stage(tmp_path: Path) -> None:
    used, stage = furnished(tmp_path)
    try:
        os.setxattr(stage / "home", "user.note", b"x")
    except (AttributeError, OSError):
        pytest.skip("no attributes on this file system")

    assert not used.clean()


def test_a_link_in_the_place_of_a_folder_is_never_followed(skeleton: tuple[Skeleton, Path], tmp_path: Path) -> None:
    used, stage = skeleton
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "dear").write_text("x")
    for name in ("home", "temporary"):
        (stage / name).rmdir()
        (stage / name).symlink_to(tmp_path / "outside")
    (stage / "work" / "away").symlink_to(tmp_path / "outside")
    used.clean()
    used.remove()

    assert (tmp_path / "outside" / "dear").read_text() == "x"
    assert not stage.exists()


@pytest.mark.parametrize("stamp", [True, False], ids=["times set back", "times as they are"])
def test_code_that_was_changed_is_written_anew(skeleton: tuple[Skeleton, Path], *, stamp: bool) -> None:
    used, stage = skeleton
    path = stage / "work" / "src" / "a.py"
    before = path.stat()

    def change() -> None:
        path.chmod(0o644)
        path.write_text("a = 2\n")
        path.chmod(0o444)
        if stamp:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    changed_in_time(change, path)
    used.clean()
    furnish(used)

    assert path.read_text() == "a = 1\n"


def test_a_change_that_no_time_shows_is_seen_in_code_that_was_just_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, stage = furnished(tmp_path)
    path = stage / "work" / "src" / "a.py"
    path.chmod(0o644)
    path.write_text("a = 2\n")
    path.chmod(0o444)
    noted = module._facts(path.lstat())
    monkeypatch.setitem(used._files, "src/a.py", noted)
    used.clean()
    furnish(used)

    assert path.read_text() == "a = 1\n"


def test_untouched_code_is_left_as_it_is(skeleton: tuple[Skeleton, Path]) -> None:
    used, stage = skeleton
    before = [(stage / "work" / path).lstat().st_ino for path in CODE.entries]
    used.clean()
    furnish(used)

    assert [(stage / "work" / path).lstat().st_ino for path in CODE.entries] == before


@pytest.mark.parametrize("keep", [os.link, os.rename], ids=["linked", "moved"])
@pytest.mark.parametrize("name", ["config.yaml", "work/src/a.py", "log"])
def test_a_file_that_a_task_keeps_is_never_written_to_again(
    skeleton: tuple[Skeleton, Path], tmp_path: Path, name: str, keep: Callable[[Path, Path], None]
) -> None:
    used, stage = skeleton
    (stage / "log").touch(0o600)
    inode = (stage / name).stat().st_ino
    changed_in_time(lambda: (tmp_path / "kept").exists() or keep(stage / name, tmp_path / "kept"), tmp_path)
    clean = used.clean()
    used.furnish(CODE)
    used.write_config(b"another\n")
    (stage / "log").touch(0o600)

    assert clean
    assert (tmp_path / "kept").stat().st_ino == inode
    assert (stage / name).stat().st_ino != inode
    assert (tmp_path / "kept").read_bytes() in (b"{}\n", b"a = 1\n", b"")


def test_other_code_replaces_all_of_it(skeleton: tuple[Skeleton, Path]) -> None:
    used, stage = skeleton
    used.clean()
    furnish(used, CodeTree(("lib",), {"lib/b.py": CodeEntry(CodeKind.FILE, b"b\n")}))

    assert sorted(p for p in look(stage) if p.startswith("work/")) == ["work/lib", "work/lib/b.py"]

    used.clean()
    furnish(used)

    assert "work/src/deep/run" in look(stage)
    assert "work/lib" not in look(stage)


def test_a_shorter_configuration_leaves_nothing_of_the_longer(skeleton: tuple[Skeleton, Path]) -> None:
    used, stage = skeleton
    used.write_config(b'{"long": "value"}\n')
    used.clean()
    furnish(used)

    assert (stage / "config.yaml").read_bytes() == b"{}\n"


def test_code_that_could_not_be_written_whole_is_no_code_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = tmp_path / "stage"
    stage.mkdir()
    used = Skeleton(str(stage))

    def half(path: str, entry: CodeEntry) -> None:
        Path(path).write_bytes(entry.data[:2])
        raise OSError(28, "No space left on device", path)

    with monkeypatch.context() as broken:
        broken.setattr(module, "write_entry", half)
        with pytest.raises(OSError, match="No space"):
            used.furnish(CODE)
    clean = used.clean()
    furnish(used)

    assert clean
    assert (stage / "work" / "src" / "a.py").read_bytes() == b"a = 1\n"
