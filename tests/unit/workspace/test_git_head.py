"""HEAD as we read it is HEAD as git says it, or nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from traintrack.workspace.git_head import find_head

QUIET = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
WHO = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *WHO, *words], cwd=folder, env=QUIET, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    git(repo, "commit", "-q", "--allow-empty", "-m", "1")
    return repo


def said_by_git(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD^{commit}")


def test_a_branch_is_read_from_its_file(repo: Path) -> None:
    (repo / "a/b").mkdir(parents=True)

    assert find_head(str(repo / "a/b")) == said_by_git(repo)


def test_a_packed_branch_is_found(repo: Path) -> None:
    git(repo, "branch", "main2")
    git(repo, "branch", "a-main")
    git(repo, "pack-refs", "--all", "--prune")

    assert not (repo / ".git/refs/heads/main").exists()
    assert find_head(str(repo)) == said_by_git(repo)


def test_the_file_of_a_branch_counts_before_the_packed_one(repo: Path) -> None:
    git(repo, "pack-refs", "--all", "--prune")
    git(repo, "commit", "-q", "--allow-empty", "-m", "2")

    assert find_head(str(repo)) == said_by_git(repo)


def test_of_packed_branches_with_like_names_the_right_one_is_taken(repo: Path) -> None:
    git(repo, "commit", "-q", "--allow-empty", "-m", "2")
    git(repo, "branch", "x/refs/heads/main", "HEAD~1")
    git(repo, "update-ref", "refs/remotes/refs/heads/main", "HEAD~1")
    git(repo, "tag", "-a", "-m", "t", "main")
    git(repo, "pack-refs", "--all", "--prune")

    assert find_head(str(repo)) == said_by_git(repo)


def test_a_detached_head_is_itself(repo: Path) -> None:
    git(repo, "commit", "-q", "--allow-empty", "-m", "2")
    git(repo, "checkout", "-q", "HEAD~1")

    assert find_head(str(repo)) == said_by_git(repo)


def test_a_linked_working_tree_has_a_head_of_its_own(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    git(tmp_path / "side", "commit", "-q", "--allow-empty", "-m", "side")

    assert find_head(str(tmp_path / "side")) == said_by_git(tmp_path / "side")
    assert find_head(str(repo)) == said_by_git(repo)
    git(repo, "pack-refs", "--all", "--prune")
    assert find_head(str(tmp_path / "side")) == said_by_git(tmp_path / "side")


def test_the_innermost_repository_counts(repo: Path) -> None:
    (repo / "inner").mkdir()
    git(repo / "inner", "init", "-q")
    git(repo / "inner", "commit", "-q", "--allow-empty", "-m", "inner")

    assert find_head(str(repo / "inner")) == said_by_git(repo / "inner")


def test_an_unborn_branch_is_left_to_git(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    assert find_head(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("HEAD", "ref: refs/heads/.invalid\n"),  # another store of refs, such as reftable
        ("HEAD", "ref: refs/tags/v1\n"),
        ("HEAD", "ref: refs/heads/../../HEAD\n"),
        ("HEAD", "ref: refs/heads/main"),
        ("HEAD", ""),
        ("refs/heads/main", "ref: refs/heads/other\n"),
        ("refs/heads/main", "0123456789abcdef\n"),
        ("refs/heads/main", "z" * 40 + "\n"),
        ("refs/heads/main", ""),
    ],
)
def test_whatever_is_out_of_the_ordinary_is_left_to_git(repo: Path, file: str, text: str) -> None:
    (repo / ".git" / file).write_text(text)

    assert find_head(str(repo)) is None


def test_outside_of_a_repository_there_is_none(tmp_path: Path) -> None:
    assert find_head(str(tmp_path)) is None
