from __future__ import annotations

import os
from pathlib import Path

import pytest
from git_builder import Repo, fingerprint, sample
from without_rights import without_rights

from traintrack.errors import HostError, InputError
from traintrack.workspace.git_lfs import lfs_pointer
from traintrack.workspace.source_control import WORKTREE


def seen(repo: Repo, path: str = ".") -> str | None:
    return repo.open().object_at(WORKTREE, path)


def names(repo: Repo, path: str = ".") -> list[str]:
    git = repo.open()
    return [entry.path for entry in git.entries(git.object_at(WORKTREE, path) or "")]


def test_a_clean_checkout_is_its_head(tmp_path: Path) -> None:
    repo = sample(tmp_path)

    assert seen(repo) == repo.tree()
    assert seen(repo, "src") == repo.tree("src")
    assert seen(repo, "src/run.sh") == f"100755:{repo.tree('src/run.sh')}"


def test_what_is_seen_is_what_would_be_committed(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write(".gitignore", "*.log\n")
    repo.write("src/model/net.py", "layers = 4\n")
    repo.write("src/a.py")
    repo.write("src/a/b/c.py")
    repo.write("src/a-b.py")
    repo.write("src/noise.log")
    (repo.top / "src/train.py").unlink()
    (repo.top / "src/run.sh").chmod(0o644)
    (repo.top / "src/latest").unlink()
    repo.link("src/latest", "a.py")
    found = seen(repo)
    repo.commit()

    assert found == repo.tree()


@pytest.mark.parametrize("name", ["-n", "a\nb", 'q"uo"te', '"whole"', "cr\r", "back\\slash", "ärger", "a b", "\x01"])
def test_files_with_odd_names_are_hashed(tmp_path: Path, name: str) -> None:
    repo = sample(tmp_path)
    repo.write(f"src/{name}/{name}", "odd\n")
    found = seen(repo)
    repo.commit()

    assert found == repo.tree()


def test_a_name_that_is_no_utf8_is_hashed(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    with open(os.path.join(os.fsencode(tmp_path), b"src", b"\xff\xfe.py"), "wb") as stream:
        stream.write(b"odd\n")
    found = seen(repo)
    repo.commit()

    assert found == repo.tree()


def test_private_blobs_and_trees_can_be_read(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("src/new.py", "new\n")
    repo.link("src/link", "new.py")
    git = repo.open()
    entries = git.entries(git.object_at(WORKTREE, "src") or "")

    contents = dict(zip([e.path for e in entries], git.blobs([e.oid for e in entries]), strict=True))

    assert contents["new.py"] == b"new\n"
    assert contents["link"] == b"new.py"
    assert contents["train.py"] == b"print('train')\n"


def test_the_users_repository_is_not_touched(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("src/train.py", "print('other')\n")
    repo.commit()
    repo.write("src/train.py", "print('train')\n")  # a blob that is there already
    repo.write("src/new.py")
    repo.git("config", "core.untrackedCache", "true")
    before = fingerprint(tmp_path)
    git = repo.open()
    git.object_at(WORKTREE, ".")
    git.is_dirty(["."])
    git.last_change("src/train.py", 1)
    git.close()

    assert fingerprint(tmp_path) == before


def test_ignore_rules_come_from_the_tree_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = sample(tmp_path / "repo")
    repo.write("src/one.txt")
    repo.write("src/two.txt")
    repo.write("src/three.txt")
    repo.write("src/four.txt")
    repo.write("src/.gitignore", "four.txt\n")
    (repo.top / ".git/info/exclude").write_text("one.txt\n")
    home = tmp_path / "home"
    (home / ".config/git").mkdir(parents=True)
    (home / ".config/git/ignore").write_text("two.txt\n")
    (home / "ignore").write_text("three.txt\n")
    (home / ".gitconfig").write_text(f"[core]\nexcludesFile = {home}/ignore\n")
    repo.git("config", "core.excludesFile", f"{home}/ignore")
    for name, value in (("HOME", home), ("XDG_CONFIG_HOME", home / ".config")):
        monkeypatch.setenv(name, str(value))

    found = names(repo, "src")

    assert {"one.txt", "two.txt", "three.txt"} <= set(found)
    assert "four.txt" not in found


def test_rules_above_the_workspace_and_per_folder_hold(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write(".gitignore", "build/\n*.log\n")
    repo.write("src/.gitignore", "!keep.log\n")
    repo.write("src/build/out")
    repo.write("src/keep.log")
    repo.write("src/drop.log")
    git = repo.open("src")

    assert git.object_at(WORKTREE, "build") is None
    assert git.object_at(WORKTREE, "build/out") is None
    assert git.object_at(WORKTREE, "keep.log") is not None
    assert git.object_at(WORKTREE, "drop.log") is None


def test_a_tracked_file_counts_though_it_is_ignored(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write(".gitignore", "src/\n")
    repo.write("src/untracked.py")
    repo.write("src/train.py", "changed\n")

    assert names(repo, "src") == ["latest", "model/net.py", "run.sh", "train.py"]
    assert repo.open().read(WORKTREE, "src/train.py") == b"changed\n"


def test_a_file_assumed_unchanged_is_read_from_disk(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.git("update-index", "--assume-unchanged", "src/train.py", "src/run.sh")
    repo.write("src/train.py", "changed\n")
    (repo.top / "src/run.sh").unlink()

    assert repo.open().read(WORKTREE, "src/train.py") == b"changed\n"
    assert "run.sh" not in names(repo, "src")
    assert repo.open().is_dirty(["src"])


def test_a_file_left_out_by_a_sparse_checkout_counts(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.git("sparse-checkout", "set", "--no-cone", "/README.md", "/src/run.sh")
    assert not (repo.top / "src/train.py").exists()

    assert seen(repo) == repo.tree()
    repo.write("src/train.py", "changed\n")
    assert repo.open().read(WORKTREE, "src/train.py") == b"changed\n"


def test_a_sparse_index_is_read_in_full(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "src/model")

    assert seen(repo) == repo.tree()


def test_modes_count_where_the_repository_says_they_do_not(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.git("config", "core.fileMode", "false")
    (repo.top / "src/train.py").chmod(0o755)

    assert (seen(repo, "src/train.py") or "").startswith("100755:")


def test_end_of_line_settings_of_the_user_do_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = sample(tmp_path / "repo")
    (tmp_path / ".gitconfig").write_text("[core]\nautocrlf = true\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    repo.git("config", "core.autocrlf", "input")
    repo.write("src/dos.txt", "one\r\ntwo\r\n")

    assert repo.open().read(WORKTREE, "src/dos.txt") == b"one\r\ntwo\r\n"


def test_attributes_in_the_tree_apply_and_others_do_not(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("src/.gitattributes", "*.txt text\n*.csv text eol=crlf\n")
    repo.write("src/dos.txt", "one\r\ntwo\r\n")
    repo.write("src/dos.csv", "1\r\n")
    repo.write("src/dos.md", "raw\r\n")
    (repo.top / ".git/info/attributes").write_text("*.md text\n")
    git = repo.open()

    assert git.read(WORKTREE, "src/dos.txt") == b"one\ntwo\n"
    assert git.read(WORKTREE, "src/dos.csv") == b"1\n"
    assert git.read(WORKTREE, "src/dos.md") == b"raw\r\n"


def test_a_checkout_with_converted_line_ends_is_clean(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write(".gitattributes", "*.csv text eol=crlf\n")
    repo.write("data.csv", "1\r\n2\r\n")
    repo.commit()

    assert seen(repo) == repo.tree()


def test_unchanged_bytes_are_the_committed_file_whatever_attributes_say(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("dos.txt", "one\r\n")
    repo.commit()
    repo.write(".gitattributes", "* text=auto\n")
    repo.commit()

    assert seen(repo) == repo.tree()


def test_clean_filters_do_not_run(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write(".gitattributes", "*.nb filter=strip\n")
    repo.git("config", "filter.strip.clean", f"touch {tmp_path}/ran; tr a b")
    repo.git("config", "filter.strip.required", "true")
    repo.write("src/a.nb", "aaa\n")

    assert repo.open().read(WORKTREE, "src/a.nb") == b"aaa\n"
    assert not (tmp_path / "ran").exists()


def test_no_program_that_the_repository_names_runs(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    program = repo.write(".git/hooks/evil", f"#!/bin/sh\ntouch {tmp_path}/ran\n", 0o755)
    repo.git("config", "core.fsmonitor", str(program))
    repo.git("config", "diff.x.textconv", str(program))
    repo.write(".gitattributes", "* diff=x\n")
    repo.write("src/new.py")
    git = repo.open()
    git.object_at(WORKTREE, ".")
    git.last_change("src/train.py", 1)

    assert not (tmp_path / "ran").exists()


def test_a_large_file_of_git_lfs_is_its_pointer(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    pointer = lfs_pointer(os.fsencode(repo.write("src/w.bin", b"\0" * 5000)))
    repo.write("src/pulled.bin", pointer)
    repo.write("src/empty.bin", b"")
    git = repo.open()

    assert pointer.startswith(b"version https://git-lfs.github.com/spec/v1\noid sha256:")
    assert pointer.endswith(b"\nsize 5000\n")
    assert git.read(WORKTREE, "src/w.bin") == pointer
    assert git.read(WORKTREE, "src/pulled.bin") == pointer
    assert git.read(WORKTREE, "src/empty.bin") == b""


def test_a_folder_that_became_a_link_hides_what_was_in_it(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    (repo.top / "src/model").rename(repo.top / "moved")
    repo.link("src/model", "../moved")
    found = seen(repo)
    repo.commit()

    assert found == repo.tree()
    assert repo.open().object_at(WORKTREE, "src/model/net.py") is None


def test_a_file_and_a_folder_may_take_each_others_place(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    (repo.top / "src/model/net.py").unlink()
    (repo.top / "src/model").rmdir()
    repo.write("src/model", "now a file\n")
    (repo.top / "src/train.py").unlink()
    repo.write("src/train.py/inner.py")
    found = seen(repo)
    repo.commit()

    assert found == repo.tree()


def test_a_conflict_counts_as_it_is_on_disk(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.git("checkout", "-q", "-b", "other")
    repo.write("src/train.py", "theirs\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("src/train.py", "ours\n")
    repo.commit()
    with pytest.raises(AssertionError):
        repo.git("merge", "-q", "other")

    assert b"<<<<<<<" in (repo.open().read(WORKTREE, "src/train.py") or b"")


def test_one_look_serves_the_folders_below(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    git = repo.open()
    before = git.object_at(WORKTREE, ".")
    repo.write("src/train.py", "meanwhile\n")

    assert git.object_at(WORKTREE, "src") == repo.tree("src")
    assert git.object_at(WORKTREE, ".") == before
    assert seen(repo, "src") != repo.tree("src")


def test_an_empty_top_is_the_empty_tree_and_an_empty_folder_is_nothing(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    (tmp_path / "src").mkdir()

    assert seen(repo) == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert repo.open().entries(seen(repo) or "") == ()
    assert seen(repo, "src") is None


def test_a_pipe_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    (repo.top / "src/train.py").unlink()
    os.mkfifo(repo.top / "src/train.py")

    with pytest.raises(InputError) as caught:
        seen(repo, "src")
    assert caught.value.code == "special-file"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("src/secret", mode=0)

    def body() -> None:
        with pytest.raises(HostError) as caught:
            seen(repo, "src")
        assert caught.value.code == "worktree-unreadable"

    without_rights(body)


def test_an_encoding_that_does_not_fit_is_told(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write(".gitattributes", "*.txt working-tree-encoding=UTF-16\n")
    repo.write("src/bad.txt", b"\x01")

    with pytest.raises(HostError) as caught:
        seen(repo, "src")
    assert caught.value.details


def with_submodule(tmp_path: Path) -> Repo:
    sample(tmp_path / "inner")
    repo = sample(tmp_path / "outer")
    repo.git("submodule", "--quiet", "add", str(tmp_path / "inner"), "src/sub")
    repo.commit()
    return repo


def test_a_clean_submodule_counts_as_its_commit(tmp_path: Path) -> None:
    repo = with_submodule(tmp_path)

    assert seen(repo) == repo.tree()
    assert seen(repo, "src/sub") == f"160000:{repo.git('rev-parse', 'HEAD:src/sub')}"
    assert repo.open().object_at("HEAD", "src/sub") == seen(repo, "src/sub")
    assert not repo.open().is_dirty(["."])


def test_a_submodule_that_moved_counts_as_where_it_is(tmp_path: Path) -> None:
    repo = with_submodule(tmp_path)
    repo.git("-C", "src/sub", "commit", "-q", "--allow-empty", "-m", "Next")
    found = seen(repo)

    assert found != repo.tree()
    repo.commit()
    assert found == repo.tree()


@pytest.mark.parametrize("file", ["README.md", "new.txt"])
def test_a_dirty_submodule_is_an_error_each_time(tmp_path: Path, file: str) -> None:
    repo = with_submodule(tmp_path)
    repo.write(f"src/sub/{file}", "changed\n")
    git = repo.open()

    for _ in range(2):
        with pytest.raises(InputError) as caught:
            git.object_at(WORKTREE, "src")
        assert caught.value.code == "dirty-submodule"
        assert "status" in (caught.value.hint or "")
    assert git.object_at(WORKTREE, "src/model") == repo.tree("src/model")
    assert git.is_dirty(["src"])


def test_a_submodule_that_is_not_checked_out_is_clean(tmp_path: Path) -> None:
    repo = with_submodule(tmp_path)
    repo.git("submodule", "--quiet", "deinit", "-f", "src/sub")

    assert seen(repo) == repo.tree()
    repo.write("src/sub/stray.txt")
    with pytest.raises(InputError, match="holds other files"):
        seen(repo)


def test_a_workspace_inside_a_submodule_works(tmp_path: Path) -> None:
    repo = with_submodule(tmp_path)
    git = repo.open("src/sub/src")

    assert git.prefix == "src"
    assert git.object_at(WORKTREE, ".") == git.object_at("HEAD", ".")


def test_an_untracked_repository_is_an_error_unless_ignored(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    sample(tmp_path / "src/nested")

    with pytest.raises(InputError) as caught:
        seen(repo, "src")
    assert caught.value.code == "nested-repository"
    assert caught.value.hint == "git submodule add ./src/nested, or add `src/nested/` to `.gitignore`"
    repo.write(".gitignore", "nested/\n")
    assert seen(repo, "src") == repo.tree("src")
