"""For `analysis/images.py`."""

from typing import Any

import pytest
from in_memory import COMMIT, DIGEST, OTHER_COMMIT, TREE, MemoryGit, experiment, git, image, workspace

from traintrack.action.image import BuiltImage, ContainerImage, PythonImage
from traintrack.analysis.images import Images, ResolvedImage
from traintrack.analysis.revisions import Revisions
from traintrack.digest import sha256_hex
from traintrack.errors import InputError, InputErrors
from traintrack.workspace.model import ImageSpec, Lock

DOCKERFILE = b"ARG TAG=12.4\nFROM nvidia/cuda:${TAG} AS base\nCOPY --from=tools:1 /x /x\nFROM base\n"


def resolved(
    spec: ImageSpec, *, lock: Lock | None = None, source: MemoryGit | None = None, revision: str | None = COMMIT
) -> ResolvedImage:
    files = experiment("a", {"t": {"image": spec.name, "commit": revision}}, lock=lock)
    images = Images(workspace(**{spec.name: spec}), Revisions(source or git()), COMMIT)
    return images.resolve(files.targets["t"], files, revision)


def docker_git() -> MemoryGit:
    source = git(
        docker=TREE, **{"docker/Dockerfile": "100644:" + "ab" * 20, "requirements.lock": "100644:" + "cd" * 20}
    )
    for revision in (COMMIT, "HEAD"):
        source.files[revision, "docker/Dockerfile"] = DOCKERFILE
    return source


BASES = {"nvidia/cuda:12.4": DIGEST, "tools:1": "sha256:" + "6e" * 32}


def test_a_ref_with_a_digest_needs_no_pin() -> None:
    found = resolved(image("i", ref=f"r/x:1@{DIGEST}"))

    assert found.image == ContainerImage(f"r/x:1@{DIGEST}", DIGEST)
    assert found.platform == "linux/amd64"


def test_a_ref_with_a_tag_is_what_the_lock_says() -> None:
    found = resolved(image("i", ref="r/x:1", platform="linux/arm64"), lock=Lock(images={"r/x:1": DIGEST}))

    assert found.hashed == {"digest": DIGEST}
    assert found.platform == "linux/arm64"


def test_a_missing_pin_points_at_the_image_and_names_the_command() -> None:
    with pytest.raises(InputError) as caught:
        resolved(image("i", ref="r/x:1"))

    assert str(caught.value) == "TTWORKSPACE.yaml:9:3: the image `r/x:1` has no pin in TTLOCK.yaml [missing-pin]"
    assert "traintrack lock" in (caught.value.hint or "")


def test_the_commit_is_filled_into_a_ref() -> None:
    lock = Lock(images={f"r/x:{COMMIT}": DIGEST})

    for revision in (COMMIT, "HEAD"):
        assert resolved(image("i", ref="r/x:{commit}"), lock=lock, revision=revision).hashed == {"digest": DIGEST}


@pytest.mark.parametrize("revision", [None, "worktree"])
def test_a_ref_that_wants_a_commit_says_so_where_there_is_none(revision: str | None) -> None:
    with pytest.raises(InputError) as caught:
        resolved(image("i", ref="r/x:{commit}"), revision=revision)

    assert caught.value.code == "bad-commit"


def test_a_built_image_is_its_trees_and_the_digests_of_its_bases() -> None:
    build = {"context": ".", "dockerfile": "docker/Dockerfile", "paths": ["docker/", "requirements.lock"]}

    found = resolved(image("i", build=build), lock=Lock(bases=BASES), source=docker_git())

    tree = {"docker": TREE, "requirements.lock": "100644:" + "cd" * 20}
    assert found.image == BuiltImage(".", "docker/Dockerfile", tree, BASES, {})


def test_build_arguments_are_text_and_choose_the_base() -> None:
    build = {"context": "docker", "args": {"TAG": "13", "FLAG": True}}

    found = resolved(image("i", build=build), lock=Lock(bases={**BASES, "nvidia/cuda:13": DIGEST}), source=docker_git())

    assert isinstance(found.image, BuiltImage)
    assert found.image.args == {"TAG": "13", "FLAG": "true"}
    assert sorted(found.image.bases) == ["nvidia/cuda:13", "tools:1"]
    assert found.image.tree == {"docker": TREE}


def test_a_dockerfile_outside_of_the_paths_is_hashed_too() -> None:
    build = {"dockerfile": "docker/Dockerfile", "paths": ["requirements.lock"]}

    found = resolved(image("i", build=build), lock=Lock(bases=BASES), source=docker_git())

    assert isinstance(found.image, BuiltImage)
    assert found.image.tree["docker/Dockerfile"] == "100644:" + "ab" * 20


def test_all_missing_bases_are_told_at_once() -> None:
    with pytest.raises(InputErrors) as caught:
        resolved(image("i", build={"context": "docker"}), source=docker_git())

    assert [e.code for e in caught.value.errors] == ["missing-pin", "missing-pin"]


def test_a_base_named_by_a_variable_without_value_is_an_error() -> None:
    source = docker_git()
    source.files[COMMIT, "docker/Dockerfile"] = b"ARG TAG\nFROM nvidia/cuda:$TAG\n"

    with pytest.raises(InputError) as caught:
        resolved(image("i", build={"context": "docker"}), source=source)

    assert caught.value.code == "bad-dockerfile"


def test_a_built_image_of_a_commit_that_is_gone_is_read_from_the_blob_that_is_locked() -> None:
    source = docker_git()
    source.contents["ab" * 20] = DOCKERFILE
    trees = {OTHER_COMMIT: {"docker": TREE, "docker/Dockerfile": "100644:" + "ab" * 20}}
    spec = image("i", build={"context": "docker"})

    found = resolved(spec, lock=Lock(bases=BASES, trees=trees), source=source, revision=OTHER_COMMIT)

    assert found.image == resolved(spec, lock=Lock(bases=BASES), source=source).image


def test_a_python_image_is_its_lock_file_at_the_commit_on_any_platform() -> None:
    source = git()
    source.files[COMMIT, "requirements.lock"] = b"numpy==2.0\n"

    found = resolved(image("i", python="3.11", lock="./requirements.lock"), source=source)

    assert found.hashed == {"python": "3.11", "lock": sha256_hex(b"numpy==2.0\n")}
    assert (found.platform, found.entrypoint) == ("any", None)
    assert isinstance(found.image, PythonImage)
    assert found.image.lock_path == "requirements.lock"


def test_a_uv_lock_brings_the_project_file_beside_it() -> None:
    source = git()
    source.files |= {(COMMIT, "env/uv.lock"): b"lock", (COMMIT, "env/pyproject.toml"): b"project"}

    found = resolved(image("i", python="3.11", lock="env/uv.lock", groups=("b", "a", "b")), source=source)

    assert found.hashed == {
        "python": "3.11",
        "lock": sha256_hex(b"lock"),
        "project": sha256_hex(b"project"),
        "groups": ["a", "b"],
        "extras": [],
    }


def test_the_lock_knows_lock_files_of_a_commit_that_is_gone() -> None:
    lock = Lock(locks={OTHER_COMMIT: {"requirements.lock": "0c" * 32}})

    found = resolved(image("i", python="3.11", lock="requirements.lock"), lock=lock, revision=OTHER_COMMIT)

    assert found.hashed == {"python": "3.11", "lock": "0c" * 32}


@pytest.mark.parametrize(
    ("fields", "revision", "code"),
    [
        ({"python": "3.11", "lock": "gone.lock"}, COMMIT, "missing-path"),
        ({"python": "3.11", "lock": "gone.lock"}, None, "missing-commit"),
        ({"python": "3.11", "lock": "/etc/x.lock"}, COMMIT, "bad-path"),
        ({"build": {"context": "gone"}}, COMMIT, "missing-path"),
        ({"build": {"context": "../x"}}, COMMIT, "bad-path"),
        ({"build": {"context": "docker"}}, None, "missing-commit"),
    ],
)
def test_images_made_from_files_that_are_not_there_are_errors(
    fields: dict[str, Any], revision: str | None, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        resolved(image("i", **fields), source=docker_git(), revision=revision)

    assert caught.value.code == code
    assert caught.value.hint


def test_an_unknown_image_names_the_one_that_was_meant() -> None:
    files = experiment("a", {"t": {"image": "trianer"}})

    with pytest.raises(InputError) as caught:
        Images(workspace(), Revisions(git()), COMMIT).resolve(files.targets["t"], files, COMMIT)

    assert caught.value.hint == "did you mean `trainer`?"
    assert str(caught.value.location) == "a/TTCONFIG.yaml:3:7"
