"""`lock` for images and the bases of Dockerfiles; what a name points at is told by a map in the place of registries."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_workspace import FILES, Small

from traintrack.app.answers import LockReport
from traintrack.app.hash_targets import hash_targets
from traintrack.app.lock import lock
from traintrack.errors import HostError, InputError

OLD, NEW, THIRD = ("sha256:" + digits * 32 for digits in ("0a", "0b", "0c"))
LOCK = "a/TTLOCK.yaml"
WORKSPACE = FILES["TTWORKSPACE.yaml"].replace(
    "images:\n",
    f"""images:
  trainer: {{ref: "reg.example/trainer:2"}}
  digested: {{ref: "reg.example/trainer@{THIRD}"}}
  built: {{build: {{context: docker, args: {{V: 3}}}}}}
  baked: {{ref: "reg.example/baked:{{commit}}"}}
""",
)
DOCKERFILE = """\
ARG V=1
FROM reg.example/base:${V} AS base
FROM base
COPY --from=tools:9 /x /x
RUN --mount=type=bind,from=reg.example/mounted:1,target=/m true
FROM scratch
COPY --from=base / /
"""
EXPERIMENT = """\
defaults: {image: trainer, commit: HEAD}
targets:
  fetched: {task: t}
  digested: {task: t, image: digested}
  built: {task: t, image: built}
  other: {task: t, image: trainer}
"""


class Tags(dict[str, str]):
    """What names of images point at; a name that is not there is at no registry."""

    asked: list[str]

    def digest(self, ref: str) -> str:
        self.__dict__.setdefault("asked", []).append(ref)
        if ref in self:
            return self[ref]
        raise HostError(f"`{ref}` is not there", code="no-such-image", hint="push it")


def all_tags() -> Tags:
    return Tags(
        {"reg.example/trainer:2": OLD, "reg.example/base:3": OLD, "tools:9": NEW, "reg.example/mounted:1": THIRD}
    )


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(
        tmp_path,
        {"TTWORKSPACE.yaml": WORKSPACE, "docker/Dockerfile": DOCKERFILE, "a/TTCONFIG.yaml": EXPERIMENT},
    )


def locked(small: Small, tags: Tags, *texts: str, update: str | None = None, check_only: bool = False) -> LockReport:
    patterns = texts or (() if update else ("//...",))
    return lock(small.project(), patterns, update=update, check_only=check_only, digests=tags)


def pins(small: Small) -> tuple[dict[str, str], dict[str, str]]:
    lock = small.project().loader.experiment("a").lock
    return dict(lock.images), dict(lock.bases)


def test_images_and_bases_are_pinned_and_a_name_with_a_digest_is_not(small: Small) -> None:
    report = locked(small, all_tags())

    images, bases = pins(small)
    assert images == {"reg.example/trainer:2": OLD}
    assert bases == {"reg.example/base:3": OLD, "tools:9": NEW, "reg.example/mounted:1": THIRD}
    assert {(pin.kind, pin.name) for pin in report.added} == {("image", "reg.example/trainer:2")} | {
        ("base", ref) for ref in bases
    }
    assert report.missing == ()


def test_once_pinned_no_registry_is_asked(small: Small) -> None:
    locked(small, all_tags())
    before = hash_targets(small.project(), ["//..."])
    moved = Tags(dict.fromkeys(all_tags(), THIRD))

    assert locked(small, moved) == LockReport()
    assert not hasattr(moved, "asked")
    assert hash_targets(small.project(), ["//..."]) == before


def test_hash_asks_nobody_and_names_the_command_for_a_missing_pin(small: Small) -> None:
    with pytest.raises(InputError, match=r"reg\.example/trainer:2") as missing:
        hash_targets(small.project(), ["//a:fetched"])

    assert missing.value.code == "missing-pin"
    assert "traintrack lock" in (missing.value.hint or "")


def test_one_image_that_cannot_be_had_keeps_no_other_from_being_pinned(small: Small) -> None:
    tags = all_tags()
    del tags["tools:9"]

    report = locked(small, tags)

    [missing] = report.missing
    assert (missing.kind, missing.name, missing.error.code) == ("base", "tools:9", "no-such-image")
    assert isinstance(missing.error, HostError), "trying again may help"
    assert missing.error.location is not None
    assert missing.error.location.path == "TTWORKSPACE.yaml"
    assert len(report.added) == 3


def test_an_update_moves_the_images_of_its_targets_and_says_whose_ids_change(small: Small) -> None:
    locked(small, all_tags())
    tags = Tags(dict.fromkeys(all_tags(), THIRD))

    report = locked(small, tags, update="//a:fetched")

    assert [(pin.kind, pin.name, pin.old, pin.value) for pin in report.added] == [
        ("image", "reg.example/trainer:2", OLD, THIRD)
    ]
    assert tags.asked == ["reg.example/trainer:2"]
    assert "//a:fetched" in report.changed
    assert "//a:other" in report.changed, "it shares the pin, though it was not named"
    assert pins(small)[0] == {"reg.example/trainer:2": THIRD}
    assert pins(small)[1]["tools:9"] == NEW


def test_an_update_moves_the_bases_of_a_dockerfile(small: Small) -> None:
    locked(small, all_tags())

    report = locked(small, Tags({**all_tags(), "tools:9": OLD}), update="//a:built")

    assert [(pin.kind, pin.name, pin.old, pin.value) for pin in report.added] == [("base", "tools:9", NEW, OLD)]
    assert report.changed == ("//a:built",)


def test_a_failed_update_leaves_the_pin_as_it_was(small: Small) -> None:
    locked(small, all_tags())

    report = locked(small, Tags(), update="//a:fetched")

    assert [one.name for one in report.missing] == ["reg.example/trainer:2"]
    assert pins(small)[0] == {"reg.example/trainer:2": OLD}


def test_a_check_tells_moved_tags_with_both_digests_and_writes_nothing(small: Small) -> None:
    locked(small, all_tags())
    before = (small.root / LOCK).read_bytes()
    tags = Tags({**all_tags(), "reg.example/trainer:2": NEW, "tools:9": THIRD})
    del tags["reg.example/mounted:1"]

    report = locked(small, tags, check_only=True)

    assert [(tag.kind, tag.name, tag.pinned, tag.now) for tag in report.moved] == [
        ("base", "reg.example/mounted:1", THIRD, None),
        ("base", "tools:9", NEW, THIRD),
        ("image", "reg.example/trainer:2", OLD, NEW),
    ]
    assert report.moved[0].error is not None
    assert report.added == ()
    assert (small.root / LOCK).read_bytes() == before


def test_a_ref_with_the_commit_is_pinned_and_exports_no_code(small: Small) -> None:
    commit = small.git("rev-parse", "HEAD")
    small.write("b/TTCONFIG.yaml", f'targets:\n  t: {{task: t, image: baked, code: baked, commit: "{commit}"}}\n')
    ref = f"reg.example/baked:{commit}"

    report = locked(small, Tags({ref: NEW}), "//b:t")

    [hashed] = hash_targets(small.project(), ["//b:t"])
    assert [(pin.kind, pin.name, pin.value) for pin in report.added] == [("image", ref, NEW)]
    assert b'"code":{}' in hashed.preimage
    assert f'"image":{{"digest":"{NEW}"}}'.encode() in hashed.preimage
    assert commit.encode() not in hashed.preimage, "two commits with the same image have the same ID"
