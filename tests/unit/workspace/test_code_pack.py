from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from git_builder import Repo, sample

from traintrack.errors import InputError
from traintrack.workspace.code_pack import check_code, pack_code
from traintrack.workspace.git_object import TreeRow, format_tree, object_name
from traintrack.workspace.source_control import HEAD, WORKTREE


def packed(repo: Repo, path: str, revision: str = HEAD) -> bytes:
    git = repo.open()
    return pack_code(git, git.object_at(revision, path) or "", path)


def members(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return tar.getmembers()


def wrong(repo: Repo, *paths: str, revision: str = WORKTREE) -> list[tuple[str, str]]:
    git = repo.open()
    code = {path: git.object_at(revision, path) or "" for path in paths}
    return [(error.code, error.message) for error in check_code(git, code)]


def test_a_pack_holds_files_programs_and_links(tmp_path: Path) -> None:
    data = packed(sample(tmp_path), "src")
    found = {m.name: m for m in members(data)}

    assert list(found) == ["latest", "model/net.py", "run.sh", "train.py"]
    assert found["latest"].linkname == "model/net.py"
    assert [found[n].mode for n in ("run.sh", "train.py")] == [0o555, 0o444]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in found.values()} == {(0, 0, 0, "", "")}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        stream = tar.extractfile("train.py")
        assert stream is not None
        assert stream.read() == b"print('train')\n"


def test_equal_trees_give_equal_packs_wherever_they_stand(tmp_path: Path) -> None:
    one, two = sample(tmp_path / "one"), sample(tmp_path / "two")
    two.git("mv", "src", "lib")
    two.commit()

    assert packed(one, "src") == packed(two, "lib")
    assert packed(one, "src", WORKTREE) == packed(one, "src", HEAD)


def test_a_pack_of_one_file_is_named_alike_whatever_the_file(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("copy.sh", "#!/bin/sh\n", 0o755)
    repo.commit()

    assert [m.name for m in members(packed(repo, "src/run.sh"))] == ["file"]
    assert packed(repo, "src/run.sh") == packed(repo, "copy.sh")


def test_long_and_odd_names_survive(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    names = ["/".join(["x" * 60] * 5), "new\nline", "ärger", "-dash", "sp ace"]
    for name in names:
        repo.write(f"src/{name}")
    repo.commit()

    assert {m.name for m in members(packed(repo, "src"))} == set(names)


def test_an_empty_tree_is_an_empty_pack(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.commit()

    assert members(packed(repo, ".")) == []


def test_sound_code_has_nothing_wrong(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.link("src/model/up", "../train.py")
    repo.link("src/dangling", "model/not-there")
    repo.link("src/self", ".")
    repo.link("src/root", "../src")

    assert wrong(repo, "src") == []
    assert wrong(repo, ".") == []


@pytest.mark.parametrize("target", ["/etc/passwd", "../README.md", "../../x", "model/../../README.md", "..", "../srcs"])
def test_a_link_out_of_the_paths_is_told(tmp_path: Path, target: str) -> None:
    repo = sample(tmp_path)
    repo.link("src/out", target)

    ((code, message),) = wrong(repo, "src")

    assert code == "code-link"
    assert message == f"the link `src/out` leads to `{target}`, which is not in `paths`"


def test_a_link_may_lead_into_another_of_the_paths(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("lib/a/b.py")
    repo.link("src/lib", "../lib/a")
    repo.link("src/file", "../README.md")

    assert wrong(repo, "src", "lib", "README.md") == []
    assert [m for _, m in wrong(repo, "src", "lib/a")] == [
        "the link `src/file` leads to `../README.md`, which is not in `paths`"
    ]
    assert len(wrong(repo, "src")) == 2


def test_links_are_followed_through_others(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("lib/b.py")
    repo.link("src/one", "two/b.py")
    repo.link("src/two", "model/three")
    repo.link("src/model/three", "../../lib")

    assert wrong(repo, "src", "lib") == []
    assert [m.split("`")[1] for _, m in wrong(repo, "src")] == ["src/model/three", "src/one", "src/two"]


def test_dots_after_a_link_start_from_where_it_leads(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("lib/deep/a.py")
    repo.link("src/deep", "../lib/deep")
    repo.link("src/sly", "deep/../../README.md")
    repo.link("src/fine", "deep/../deep/a.py")

    assert [m.split("`")[1] for _, m in wrong(repo, "src", "lib")] == ["src/sly"]


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.link("src/a", "b")
    repo.link("src/b", "a")

    assert [code for code, _ in wrong(repo, "src")] == ["code-link", "code-link"]


def test_a_submodule_is_told_and_never_packed(tmp_path: Path) -> None:
    sample(tmp_path / "inner")
    repo = sample(tmp_path / "outer")
    repo.git("submodule", "--quiet", "add", str(tmp_path / "inner"), "src/sub")
    repo.commit()

    assert [code for code, _ in wrong(repo, "src")] == ["code-submodule"]
    assert [code for code, _ in wrong(repo, "src/sub", revision=HEAD)] == ["code-submodule"]
    with pytest.raises(InputError) as caught:
        packed(repo, "src")
    assert caught.value.code == "code-submodule"


def test_a_git_lfs_pointer_is_told(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n"
    repo.write("src/model.bin", pointer)
    repo.write("src/notes.md", pointer + "x" * 1024)

    assert [code for code, _ in wrong(repo, "src")] == ["code-lfs"]
    assert "`src/model.bin`" in wrong(repo, "src")[0][1]


@pytest.mark.parametrize("name", [".git", ".GIT"])
def test_the_name_of_gits_own_folder_is_refused(tmp_path: Path, name: str) -> None:
    repo = sample(tmp_path)
    data = format_tree({name: TreeRow("100644", repo.tree("README.md"))})
    file = tmp_path / "tree"
    file.write_bytes(data)
    oid = repo.git("hash-object", "-w", "--literally", "-t", "tree", str(file))
    git = repo.open()

    assert oid == object_name("tree", data, 40)
    assert [error.code for error in check_code(git, {"src": oid})] == ["code-name"]
    with pytest.raises(InputError):
        pack_code(git, oid, "src")


def test_all_that_is_wrong_is_told_at_once_sorted_by_path(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.link("src/z", "/tmp")
    repo.write("src/m", "version https://git-lfs.github.com/spec/v1\n")
    repo.link("src/a", "../..")

    assert [code for code, _ in wrong(repo, "src")] == ["code-link", "code-lfs", "code-link"]
