from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from git_builder import Repo, sample

from traintrack.errors import HostError, InputError
from traintrack.workspace import git_process
from traintrack.workspace.git import GitRepository, open_repository
from traintrack.workspace.source_control import HEAD, WORKTREE, SourceControl

UNKNOWN = "1" * 40


def test_it_is_a_source_control(tmp_path: Path) -> None:
    source: SourceControl = sample(tmp_path).open()

    assert source.head() is not None


def test_a_folder_is_its_tree_and_a_file_its_mode_and_blob(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    commit = repo.commit()
    git = repo.open()

    assert git.object_at(commit, "src") == repo.tree("src")
    assert git.object_at(commit, ".") == repo.tree()
    assert git.object_at(commit, "src/model/") == repo.tree("src/model")
    assert git.object_at(commit, "src/train.py") == f"100644:{repo.tree('src/train.py')}"
    assert git.object_at(commit, "src/run.sh") == f"100755:{repo.tree('src/run.sh')}"
    assert git.object_at(commit, "src/latest") == f"120000:{repo.tree('src/latest')}"


@pytest.mark.parametrize("path", ["nothing", "src/train.py/x", "src/latest/x", "src/nothing/deep"])
def test_a_path_that_is_not_there_has_no_object(tmp_path: Path, path: str) -> None:
    git = sample(tmp_path).open()

    assert git.object_at(HEAD, path) is None
    assert git.object_at(WORKTREE, path) is None


def test_an_older_commit_keeps_its_objects(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    first, tree = repo.git("rev-parse", "HEAD"), repo.tree("src")
    repo.write("src/train.py", "changed\n")
    second = repo.commit()
    git = repo.open()

    assert git.object_at(first, "src") == tree
    assert git.object_at(second, "src") != tree
    assert git.object_at(HEAD, "src") == git.object_at(second, "src")


def test_a_workspace_in_a_subfolder_sees_paths_from_its_own_root(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    git = repo.open("src/model")

    assert git.prefix == "src/model"
    assert git.object_at(HEAD, ".") == repo.tree("src/model")
    assert git.object_at(WORKTREE, ".") == repo.tree("src/model")
    assert git.read(HEAD, "net.py") == b"layers = 3\n"


def test_a_workspace_reached_through_a_link_is_the_same(tmp_path: Path) -> None:
    repo = sample(tmp_path / "real")
    (tmp_path / "alias").symlink_to(repo.top / "src")

    assert open_repository(tmp_path / "alias").prefix == "src"


def test_an_unknown_commit_says_how_to_fetch_it(tmp_path: Path) -> None:
    git = sample(tmp_path).open()

    with pytest.raises(InputError) as caught:
        git.object_at(UNKNOWN, "src")
    assert caught.value.code == "unknown-commit"
    assert caught.value.hint == f"git fetch origin {UNKNOWN}"
    assert not git.has_commit(UNKNOWN)


def test_the_remote_in_the_hint_is_one_that_exists(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.git("remote", "add", "upstream", "/nowhere")

    with pytest.raises(InputError) as caught:
        repo.open().object_at(UNKNOWN, "src")
    assert caught.value.hint == f"git fetch upstream {UNKNOWN}"


def test_a_shallow_clone_is_named_as_the_reason(tmp_path: Path) -> None:
    repo = sample(tmp_path / "origin")
    old = repo.git("rev-parse", "HEAD")
    repo.commit("Next")
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.top}", str(tmp_path / "clone"))

    with pytest.raises(InputError, match="shallow clone") as caught:
        open_repository(tmp_path / "clone").object_at(old, "src")
    assert caught.value.hint == f"git fetch origin {old}"


@pytest.mark.parametrize("revision", ["main", "abc123", "A" * 40, "1" * 64, "-x", ""])
def test_only_a_full_hash_is_a_commit(tmp_path: Path, revision: str) -> None:
    git = sample(tmp_path).open()

    with pytest.raises(InputError) as caught:
        git.object_at(revision, "src")
    assert caught.value.code == "unknown-commit"
    assert not git.has_commit(revision)


def test_a_tree_or_tag_is_no_commit(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.git("tag", "-a", "-m", "one", "v1")
    git = repo.open()

    assert not git.has_commit(repo.tree("src"))
    assert not git.has_commit(repo.git("rev-parse", "v1"))


@pytest.mark.parametrize("path", ["../x", "src/../../x", "/etc", "a\nb", "a\0b"])
def test_a_path_that_leaves_or_injects_is_refused(tmp_path: Path, path: str) -> None:
    git = sample(tmp_path).open()

    for revision in (HEAD, WORKTREE):
        with pytest.raises(InputError) as caught:
            git.object_at(revision, path)
        assert caught.value.code == "bad-path"


@pytest.mark.parametrize("name", ["-rf", "with space", "ärger", "*", ":(top)", '"quoted"', "tab\there"])
def test_odd_names_are_plain_names(tmp_path: Path, name: str) -> None:
    repo = sample(tmp_path)
    repo.write(f"{name}/{name}", "odd\n")
    repo.commit()
    git = repo.open()

    assert git.read(HEAD, f"{name}/{name}") == b"odd\n"
    assert git.object_at(WORKTREE, name) == git.object_at(HEAD, name) is not None


def test_replace_refs_and_grafts_change_nothing(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    commit, tree, blob = repo.git("rev-parse", "HEAD"), repo.tree("src"), repo.tree("src/train.py")
    repo.write("src/train.py", "evil\n")
    other = repo.commit()
    for real, fake in ((commit, other), (blob, repo.tree("src/train.py")), (tree, repo.tree("src"))):
        repo.git("replace", real, fake)
    (tmp_path / ".git/info/grafts").write_text(f"{commit} {other}\n")
    git = repo.open()

    assert git.object_at(commit, "src") == tree
    assert git.read(commit, "src/train.py") == b"print('train')\n"


def test_a_sha256_repository_works(tmp_path: Path) -> None:
    repo = sample(tmp_path, "--object-format=sha256")
    repo.write("src/new.py", "new\n")
    git = repo.open()

    assert len(git.head() or "") == 64
    assert git.object_at(HEAD, "src") == repo.tree("src")
    assert git.object_at(WORKTREE, "src/model") == repo.tree("src/model")
    dirty = git.object_at(WORKTREE, "src") or ""
    assert [e.path for e in git.entries(dirty)] == ["latest", "model/net.py", "new.py", "run.sh", "train.py"]
    repo.commit()
    assert repo.tree("src") == dirty


def test_a_repository_without_commits_has_no_head(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.write("src/a.py")
    git = repo.open()

    assert git.head() is None
    assert git.resolve("main") is None
    assert git.is_dirty(["src"])
    assert git.object_at(WORKTREE, "src") is not None
    with pytest.raises(InputError) as caught:
        git.object_at(HEAD, "src")
    assert caught.value.code == "no-commit"


def test_head_stands_still_for_one_command(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    git = repo.open()
    before = git.head()
    repo.commit("Meanwhile")

    assert git.head() == before
    assert repo.open().head() != before


def test_resolve_takes_branches_tags_and_short_hashes(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    commit = repo.git("rev-parse", "HEAD")
    repo.git("tag", "-a", "-m", "one", "v1")
    git = repo.open()

    assert [git.resolve(r) for r in ("main", "v1", commit[:8], commit)] == [commit] * 4
    unknown = ("nothing", "", "--all", UNKNOWN, "main:src", "a\nb", "a\0b", "\udcff")
    assert [git.resolve(r) for r in unknown] == [None] * len(unknown)


def test_a_linked_worktree_has_its_own_head_and_files(tmp_path: Path) -> None:
    repo = sample(tmp_path / "main")
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    (tmp_path / "linked/src/train.py").write_text("other\n")
    git = open_repository(tmp_path / "linked")

    assert git.head() == repo.git("rev-parse", "other")
    assert git.object_at(HEAD, "src") == repo.tree("src")
    assert git.object_at(WORKTREE, "src") != repo.tree("src")
    assert repo.open().object_at(WORKTREE, "src") == repo.tree("src")


def test_variables_of_the_caller_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = sample(tmp_path / "one")
    other = sample(tmp_path / "two")
    other.write("src/other.py")
    other.commit()
    for name, value in {
        "GIT_DIR": str(other.top / ".git"),
        "GIT_WORK_TREE": str(other.top),
        "GIT_INDEX_FILE": str(tmp_path / "none"),
        "GIT_OBJECT_DIRECTORY": str(other.top / ".git/objects"),
        "GIT_CEILING_DIRECTORIES": str(repo.top),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_GLOB_PATHSPECS": "1",
        "GIT_NAMESPACE": "x",
    }.items():
        monkeypatch.setenv(name, value)
    git = repo.open("src")

    assert git.object_at(HEAD, ".") == repo.tree("src")
    assert git.object_at(WORKTREE, ".") == repo.tree("src")


def test_a_folder_in_no_repository_is_told_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        open_repository(tmp_path)
    assert caught.value.code == "no-repository"
    assert "git init" in (caught.value.hint or "")


def test_a_bare_repository_is_no_place_for_a_workspace(tmp_path: Path) -> None:
    Repo(tmp_path / "bare.git", "--bare")

    with pytest.raises(HostError) as caught:
        open_repository(tmp_path / "bare.git")
    assert caught.value.code == "no-repository"


def test_a_marker_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nowhere/at/all\n")

    with pytest.raises(HostError, match="leads to no repository"):
        open_repository(tmp_path)


def test_missing_git_is_told_when_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = sample(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(HostError) as caught:
        repo.open()
    assert caught.value.code == "git-missing"
    assert "2.36" in (caught.value.hint or "")


def test_an_old_git_is_told_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = sample(tmp_path / "repo")
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho git version 2.35.8\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")

    with pytest.raises(HostError, match=r"2\.35\.8 is too old"):
        repo.open().has_commit("0" * 40)


def test_opening_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = sample(tmp_path)
    started: list[object] = []
    monkeypatch.setattr(git_process, "_start", lambda *words: started.append(words))
    git = repo.open()
    git.close()

    assert isinstance(git, GitRepository)
    assert started == []


def test_importing_it_stays_light() -> None:
    code = "import sys, traintrack.workspace.git as g; print({'subprocess','tempfile','shutil'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "set()"


def test_read_gives_files_only(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("src/train.py", "changed\n")
    git = repo.open()

    assert git.read(HEAD, "src/train.py") == b"print('train')\n"
    assert git.read(WORKTREE, "src/train.py") == b"changed\n"
    assert [git.read(HEAD, p) for p in ("src", "src/latest", "nothing")] == [None, None, None]


def test_dirty_is_told_for_each_kind_of_change(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    (repo.top / "empty").mkdir()

    assert not repo.open().is_dirty(["."])
    repo.write("new.txt")
    assert repo.open().is_dirty(["."])
    assert not repo.open().is_dirty(["src"])
    (repo.top / "src/run.sh").chmod(0o644)
    assert repo.open().is_dirty(["README.md", "src"])
    assert repo.open("src").is_dirty(["run.sh"])


def test_the_last_change_of_a_line_is_told_for_people(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    commit = repo.git("rev-parse", "HEAD")
    repo.write("src/train.py", "print('train')\nnot committed\n")
    git = repo.open("src")

    change = git.last_change("train.py", 1)

    assert change is not None
    assert commit.startswith(change.commit)
    assert (change.author, change.subject) == ("Ada", "Begin")
    assert change.date == "2026-04-16T09:30:00+02:00"
    assert [git.last_change("train.py", n) for n in (2, 3, 0)] == [None] * 3
    assert git.last_change("nothing", 1) is None


def test_a_configuration_file_below_a_path_is_found(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("runs/a/TTCONFIG.yaml")
    repo.write("src/TTable.yml")
    repo.commit()
    repo.write("src/model/TTLOCK.yaml")
    git = repo.open()

    assert git.has_config_file(HEAD, "src") is None
    assert git.has_config_file(WORKTREE, "src") == "src/model/TTLOCK.yaml"
    assert git.has_config_file(HEAD, ".") == "runs/a/TTCONFIG.yaml"
    assert git.has_config_file(HEAD, "runs/a/TTCONFIG.yaml") == "runs/a/TTCONFIG.yaml"
    assert git.has_config_file(HEAD, "nothing") is None


def test_threads_share_one_process(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    for number in range(40):
        repo.write(f"many/{number}/f", f"{number}\n")
    repo.commit()
    git = repo.open()
    found: dict[int, bytes | None] = {}

    def ask(number: int) -> None:
        found[number] = git.read(HEAD, f"many/{number}/f")

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {n: b"%d\n" % n for n in range(40)}


def test_closing_removes_the_private_folder_and_ends_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = sample(tmp_path / "repo")
    repo.write("src/new.py")
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    git = repo.open()
    git.object_at(WORKTREE, "src")
    assert list((tmp_path / "temp").iterdir())

    git.close()
    git.close()

    assert list((tmp_path / "temp").iterdir()) == []


def test_nothing_is_left_when_the_program_ends_without_closing(tmp_path: Path) -> None:
    repo = sample(tmp_path / "repo")
    (tmp_path / "temp").mkdir()
    code = (
        "import sys, pathlib; from traintrack.workspace.git import open_repository as o; "
        "g = o(pathlib.Path(sys.argv[1])); print(g.object_at('worktree', 'src'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(repo.top)],
        env={**os.environ, "TMPDIR": str(tmp_path / "temp")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout.strip() == repo.tree("src")
    assert run.stderr == ""
    assert list((tmp_path / "temp").iterdir()) == []


def test_an_untracked_file_tells_dirty_without_being_hashed(tmp_path: Path) -> None:
    repo = sample(tmp_path)
    repo.write("src/large.bin")
    git = repo.open()

    assert git.is_dirty(["src"])
    assert git._objects is None
