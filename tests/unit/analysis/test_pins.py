from typing import Any

from in_memory import COMMIT, DIGEST, OTHER_COMMIT, TREE, MemoryCatalog, MemoryGit, experiment, git, image, workspace

from traintrack.analysis.pins import PinsNeeded, pins_needed
from traintrack.digest import sha256_hex
from traintrack.graph.build import build_graph
from traintrack.workspace.model import Experiment, Frozen, Lock, SourcePin


def needed(*experiments: Experiment, source: MemoryGit | None = None, **images: Any) -> PinsNeeded:
    catalog = MemoryCatalog(*experiments)
    return pins_needed(build_graph(catalog, catalog.all_labels()), workspace(**images), source or git())


def test_trees_of_full_hashes_are_answered_by_git() -> None:
    found = needed(experiment("a", {"t": {}, "u": {}}))

    assert found.packages["a"].trees == {COMMIT: {"src": TREE}}
    assert found.packages["a"].needed == ()
    assert found.errors == ()


def test_what_moves_gets_no_pin() -> None:
    source = git()
    source.files["HEAD", "r.lock"] = b"x"
    py = image("py", python="3.11", lock="r.lock")

    assert needed(experiment("a", {"t": {"commit": "HEAD", "image": "py"}}), source=source, py=py).packages == {}


def test_what_the_lock_has_is_not_asked_for_again() -> None:
    lock = Lock(
        trees={COMMIT: {"src": TREE}},
        images={"r:1": DIGEST},
        sources={"data/x": SourcePin(content="7a" * 32)},
        refs={"@lp:production": Frozen("11" * 32)},
    )
    targets = {"t": {"image": "i", "args": {"x": "@lp:production"}}, "d": {"source": "data/x"}}

    assert needed(experiment("a", targets, lock=lock), i=image("i", ref="r:1")).packages == {}


def test_lock_files_are_answered_by_git() -> None:
    source = git()
    source.files |= {(COMMIT, "uv.lock"): b"lock", (COMMIT, "pyproject.toml"): b"project"}
    py = image("py", python="3.11", lock="uv.lock")

    found = needed(experiment("a", {"t": {"image": "py"}}), source=source, py=py)

    assert found.packages["a"].locks == {
        COMMIT: {"uv.lock": sha256_hex(b"lock"), "pyproject.toml": sha256_hex(b"project")}
    }


def test_what_is_not_in_git_is_named_once_with_its_kind_and_place() -> None:
    source = git(docker=TREE, **{"docker/Dockerfile": "100644:" + "ab" * 20})
    source.files[COMMIT, "docker/Dockerfile"] = b"FROM base:1\n"
    targets = {
        "t": {"image": "i", "args": {"x": "@lp:production/w", "y": "@main//b:t", "d": ":d", "e": ":e"}},
        "t2": {"image": "i", "args": {"x": "@lp:production"}},
        "u": {"image": "built"},
        "d": {"source": "data/x"},
        "e": {"source": "s3://b/x"},
    }
    images = {"i": image("i", ref="r:1"), "built": image("built", build={"context": "docker"}, platform="linux/arm64")}

    found = needed(experiment("a", targets), source=source, **images)

    pins = {(pin.kind, pin.name, pin.platform) for pin in found.packages["a"].needed}
    assert pins == {
        ("image", "r:1", "linux/amd64"),
        ("base", "base:1", "linux/arm64"),
        ("alias", "@lp:production", None),
        ("revision", "@main//b:t", None),
        ("content", "data/x", None),
        ("listing", "s3://b/x", None),
    }
    assert len(found.packages["a"].needed) == len(pins)
    assert found.packages["a"].trees[COMMIT] == {
        "src": TREE,
        "docker": TREE,
        "docker/Dockerfile": "100644:" + "ab" * 20,
    }


def test_pins_stand_in_the_lock_of_the_experiment_that_needs_them() -> None:
    targets = {"t": {"image": "i"}}

    found = needed(
        experiment("a", targets), experiment("b", targets, lock=Lock(images={"r:1": DIGEST})), i=image("i", ref="r:1")
    )

    assert [pin.name for pin in found.packages["a"].needed] == ["r:1"]
    assert found.packages["b"].needed == ()


def test_what_no_lock_can_mend_is_told_and_the_rest_goes_on() -> None:
    targets = {
        "t": {"paths": ["gone", "src"]},
        "u": {"commit": OTHER_COMMIT},
        "v": {"image": "nope"},
        "w": {"commit": "x"},
    }

    found = needed(experiment("a", targets))

    assert sorted(e.code for e in found.errors) == ["bad-commit", "missing-path", "unknown-commit", "unknown-image"]
    assert found.packages["a"].trees == {COMMIT: {"src": TREE}}
