from typing import Any

import pytest
from in_memory import COMMIT, TREE, experiment, git

from traintrack.analysis.code import Codes, code_paths, revision_of
from traintrack.analysis.revisions import Revisions
from traintrack.errors import InputError
from traintrack.workspace.model import Lock, Target


def target(**fields: Any) -> Target:
    return experiment("a", {"t": fields}).targets["t"]


def test_code_maps_the_paths_in_declared_order_to_their_objects() -> None:
    wanted = target(paths=["tools/run.sh", "./src/", "src"])
    source = git(**{"tools/run.sh": "100755:" + "ab" * 20})

    found = Codes(Revisions(source)).resolve(wanted, COMMIT, Lock())

    assert list(found.items()) == [("tools/run.sh", "100755:" + "ab" * 20), ("src", TREE)]


def test_a_full_hash_without_paths_is_the_whole_workspace() -> None:
    assert code_paths(target(paths=None), COMMIT) == (".",)


def test_baked_code_has_no_paths_and_needs_no_commit() -> None:
    baked = target(code="baked", commit=None, paths=None)

    assert revision_of(baked) is None
    assert Codes(Revisions(git())).resolve(baked, None, Lock()) == {}


@pytest.mark.parametrize("revision", ["HEAD", "worktree"])
def test_what_moves_needs_paths(revision: str) -> None:
    with pytest.raises(InputError) as caught:
        code_paths(target(commit=revision, paths=None), revision)

    assert caught.value.code == "missing-paths"


@pytest.mark.parametrize("commit", ["main", "9b12726", COMMIT.upper(), COMMIT + "0", "head", ""])
def test_a_commit_is_a_full_hash_or_one_of_two_words(commit: str) -> None:
    with pytest.raises(InputError) as caught:
        revision_of(target(commit=commit))

    assert caught.value.code == "bad-commit"


@pytest.mark.parametrize("commit", [COMMIT, "ab" * 32, "HEAD", "worktree"])
def test_full_hashes_of_both_kinds_are_commits(commit: str) -> None:
    assert revision_of(target(commit=commit)) == commit
