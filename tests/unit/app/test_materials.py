"""What of git comes into the storage for images that are built."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_workspace import FILES, Small

from traintrack.action.image import BuiltImage, recipe_digest
from traintrack.app.materials import GitMaterials
from traintrack.app.project import action_graph
from traintrack.errors import InputError
from traintrack.ports.storage import Kept
from traintrack.storages.local import open_local

DIGEST = "sha256:" + "ab" * 32
PLATFORM = "linux/amd64"


def built(root: Path, build: str = "{context: docker}", **files: str) -> Small:
    workspace = FILES["TTWORKSPACE.yaml"].replace("images:\n", f"images:\n  built: {{build: {build}}}\n")
    return Small(
        root,
        {
            "TTWORKSPACE.yaml": workspace,
            "a/TTCONFIG.yaml": "targets: {t: {task: t, image: built, commit: HEAD}}\n",
            "a/TTLOCK.yaml": f'format: traintrack.lock/1\nbases: {{"base:1": {DIGEST}}}\n',
            "docker/Dockerfile": "FROM base:1\n",
            **files,
        },
    )


def provide(small: Small) -> tuple[Kept, BuiltImage]:
    [action] = action_graph(small.project(), ["//a:t"]).actions.values()
    kept = open_local(small.root / "store").kept
    GitMaterials(small.project(), kept).provide(action)
    assert isinstance(action.image, BuiltImage)
    return kept, action.image


def test_the_folder_and_the_dockerfile_with_pinned_bases_are_kept(tmp_path: Path) -> None:
    kept, image = provide(built(tmp_path))

    assert kept.has_named(f"code/{image.tree['docker']}")
    pinned = kept.get_named(f"dockerfile/{recipe_digest(image, PLATFORM)}")
    assert pinned == f"FROM docker.io/library/base@{DIGEST}\n".encode()


def test_a_dockerfile_outside_of_the_context_is_found_by_its_own_path(tmp_path: Path) -> None:
    small = built(tmp_path, "{context: src, dockerfile: docker/Dockerfile, paths: [src]}")

    kept, image = provide(small)

    assert set(image.tree) == {"src", "docker/Dockerfile"}
    assert kept.has_named(f"dockerfile/{recipe_digest(image, PLATFORM)}")


def test_a_context_that_leads_out_of_itself_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    small = built(tmp_path)
    (tmp_path / "docker" / "link").symlink_to("/etc/passwd")
    small.commit("Add a link")

    with pytest.raises(InputError) as refused:
        provide(small)

    assert refused.value.code == "code-link"


def test_every_part_of_a_recipe_makes_another_image(tmp_path: Path) -> None:
    image = BuiltImage("c", "c/Dockerfile", {"c": "1"}, {"base:1": DIGEST}, {"A": "1"})
    others = [
        BuiltImage("d", "c/Dockerfile", {"c": "1"}, {"base:1": DIGEST}, {"A": "1"}),
        BuiltImage("c", "c/Other", {"c": "1"}, {"base:1": DIGEST}, {"A": "1"}),
        BuiltImage("c", "c/Dockerfile", {"c": "2"}, {"base:1": DIGEST}, {"A": "1"}),
        BuiltImage("c", "c/Dockerfile", {"c": "1"}, {"base:1": "sha256:" + "cd" * 32}, {"A": "1"}),
        BuiltImage("c", "c/Dockerfile", {"c": "1"}, {"base:1": DIGEST}, {"A": "2"}),
    ]

    digests = [recipe_digest(one, PLATFORM) for one in (image, *others)] + [recipe_digest(image, "linux/arm64")]

    assert len(set(digests)) == 7
