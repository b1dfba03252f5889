from __future__ import annotations

import hashlib
import io
import shutil
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


def with_submodule(tmp_path: Path) -> Repo:
    """A repository whose `src/sub` is a submodule that is checked out."""
    sample(tmp_path / "inner")
    repo = sample(tmp_path / "outer")
    repo.git("submodule", "--quiet", "add", "--name", "odd/name", str(tmp_path / "inner"), "src/sub")
    repo.write("src/sub-by-name.py")
    repo.commit()
    return repo


def contents(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isreg()}


def in_lfs(repo: Repo, path: str, data: bytes, *, fetched: bool = True) -> str:
    """Commit a pointer, and put its file where git-lfs would; returns where that is."""
    oid = hashlib.sha256(data).hexdigest()
    repo.write(path, f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n")
    repo.commit()
    place = f".git/lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}"
    if fetched:
        repo.write(place, data)
    return place


def test_the_files_of_a_submodule_stand_in_its_place(tmp_path: Path) -> None:
    repo = with_submodule(tmp_path)

    assert wrong(repo, "src") == []
    found = contents(packed(repo, "src"))
    assert found["sub/src/train.py"] == b"print('train')\n"
    assert list(found) == sorted(found)
    assert contents(packed(repo, "src/sub")) == {
        name.removeprefix("sub/"): data for name, data in found.items() if name.startswith("sub/")
    }
    assert packed(repo, "src", WORKTREE) == packed(repo, "src", HEAD)


def test_a_submodule_is_found_that_is_not_checked_out_any_more(tmp_path: Path) -> None:
    repo = with_submodule(tmp_path)
    before = packed(repo, "src")
    shutil.rmtree(repo.top / "src/sub")

    assert packed(repo, "src") == before


def test_submodules_in_submodules_are_found(tmp_path: Path) -> None:
    with_submodule(tmp_path)
    repo = sample(tmp_path / "outermost")
    repo.git("submodule", "--quiet", "add", str(tmp_path / "outer"), "lib")
    repo.git("submodule", "--quiet", "update", "--init", "--recursive")
    repo.commit()

    assert wrong(repo, "lib", revision=HEAD) == []
    assert contents(packed(repo, "lib"))["src/sub/src/run.sh"] == b"#!/bin/sh\n"


def test_a_submodule_that_is_not_here_is_told_with_the_command_that_brings_it(tmp_path: Path) -> None:
    repo = with_submodule(tmp_path)
    shutil.rmtree(repo.top / "src/sub")
    shutil.rmtree(repo.top / ".git/modules")

    assert [code for code, _ in wrong(repo, "src", revision=HEAD)] == ["code-submodule"]
    assert [code for code, _ in wrong(repo, "src/sub", revision=HEAD)] == ["code-submodule"]
    with pytest.raises(InputError) as caught:
        packed(repo, "src")
    assert caught.value.hint == "git submodule update --init --recursive src/sub"


def test_a_git_lfs_pointer_becomes_its_file(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    before = repo.tree("src")
    in_lfs(repo, "src/model.bin", b"weights" * 1000)

    assert wrong(repo, "src", revision=HEAD) == []
    assert contents(packed(repo, "src"))["model.bin"] == b"weights" * 1000
    assert contents(packed(repo, "src/model.bin")) == {"file": b"weights" * 1000}
    assert repo.tree("src") != before


def test_git_lfs_may_keep_its_files_elsewhere(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    place = in_lfs(repo, "src/model.bin", b"weights", fetched=False)
    repo.git("config", "lfs.storage", "large")
    repo.write(place.replace("/lfs/", "/large/"), b"weights")

    assert contents(packed(repo, "src"))["model.bin"] == b"weights"


def test_a_git_lfs_file_that_stands_only_in_the_working_tree_is_taken_from_there(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    in_lfs(repo, "src/model.bin", b"weights", fetched=False)
    repo.write("src/model.bin", b"weights")

    assert contents(packed(repo, "src"))["model.bin"] == b"weights"
    repo.write("src/model.bin", b"WEIGHTS")
    assert [code for code, _ in wrong(repo, "src", revision=HEAD)] == ["code-lfs"]


def test_a_git_lfs_file_that_is_not_here_is_told(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    in_lfs(repo, "src/model.bin", b"weights", fetched=False)

    assert wrong(repo, "src") == [("code-lfs", "the Git LFS file of `src/model.bin` is not on this machine")]
    with pytest.raises(InputError) as caught:
        packed(repo, "src")
    assert (caught.value.hint or "").startswith("git lfs fetch")


def test_a_damaged_git_lfs_file_is_never_packed(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write(in_lfs(repo, "src/model.bin", b"weights"), b"WEIGHTS")

    with pytest.raises(InputError, match="damaged") as caught:
        packed(repo, "src")
    assert caught.value.hint == "git lfs fsck"


def test_a_git_lfs_file_as_large_as_data_is_refused(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("src/m", "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + f"\nsize {10**10}\n")

    [(code, message)] = wrong(repo, "src")
    assert (code, "at most 256 MiB" in message) == ("code-lfs", True)


def test_a_text_that_only_speaks_of_pointers_is_no_pointer(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n"
    repo.write("src/notes.md", pointer + "x" * 1024)

    assert wrong(repo, "src") == []


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
