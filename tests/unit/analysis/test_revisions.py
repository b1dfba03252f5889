import pytest
from in_memory import COMMIT, TREE, MemoryGit, git

from traintrack.analysis.revisions import Revisions, clean_path
from traintrack.errors import InputError, Location
from traintrack.workspace.model import Lock
from traintrack.workspace.source_control import TreeEntry

PLACE = Location("a/TTCONFIG.yaml", 4, 5)


def with_config(path: str = "sub/TTCONFIG.yaml") -> MemoryGit:
    source = git()
    source.trees[TREE] = (TreeEntry("main.py", "100644", "1"), TreeEntry(path, "100644", "2"))
    return source


@pytest.mark.parametrize("revision", ["HEAD", "worktree"])
@pytest.mark.parametrize("name", ["sub/TTCONFIG.yaml", "TTLOCK.yaml", "TTOTHER.yaml"])
def test_a_path_that_holds_configuration_is_refused_where_it_would_move(revision: str, name: str) -> None:
    with pytest.raises(InputError) as caught:
        Revisions(with_config(name)).object_at(revision, "src", Lock(), PLACE)

    assert caught.value.code == "config-in-paths"
    assert f"`src/{name}`" in caught.value.message
    assert caught.value.location == PLACE


def test_a_full_hash_may_hold_configuration_since_it_stands_still() -> None:
    assert Revisions(with_config()).object_at(COMMIT, "src", Lock(), PLACE) == TREE


@pytest.mark.parametrize("name", ["TT.yml", "NOTT.yaml", "TTx.yaml.bak", "sub/tt.yaml"])
def test_other_files_are_no_configuration(name: str) -> None:
    assert Revisions(with_config(name)).object_at("HEAD", "src", Lock(), PLACE) == TREE


def test_a_source_control_that_knows_is_asked_instead_of_listed() -> None:
    class Knowing(MemoryGit):
        def has_config_file(self, revision: str, path: str) -> str | None:
            return f"{path}/TTX.yaml"

    with pytest.raises(InputError, match="src/TTX"):
        Revisions(Knowing({("HEAD", "src"): TREE})).object_at("HEAD", "src", Lock(), PLACE)


def test_a_lock_holds_for_its_experiment_alone() -> None:
    revisions = Revisions(git())

    locked = revisions.object_at(COMMIT, "src", Lock(trees={COMMIT: {"src": "00" * 20}}), PLACE)

    assert locked == "00" * 20
    assert revisions.object_at(COMMIT, "src", Lock(), PLACE) == TREE


def test_a_mistake_is_told_at_the_place_of_each_who_asks() -> None:
    revisions = Revisions(git())
    other = Location("b/TTCONFIG.yaml", 7)
    found = []
    for place in (PLACE, other):
        with pytest.raises(InputError) as caught:
            revisions.object_at(COMMIT, "gone", Lock(), place)
        found.append(caught.value.location)

    assert found == [PLACE, other]


@pytest.mark.parametrize(
    ("written", "clean"), [("src", "src"), ("./src/", "src"), ("a//b/./c", "a/b/c"), (".", "."), ("./", ".")]
)
def test_a_path_has_one_spelling(written: str, clean: str) -> None:
    assert clean_path(written) == clean


@pytest.mark.parametrize("written", ["", "/src", "..", "a/../b"])
def test_a_path_stays_inside_the_workspace(written: str) -> None:
    with pytest.raises(ValueError, match="not a path inside"):
        clean_path(written)
