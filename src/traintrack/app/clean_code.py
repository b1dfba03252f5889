"""Whether results are clean: made from code that others can have, as commits that a branch of a remote reaches."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from typing import Protocol

from traintrack.action.record import Record
from traintrack.digest import ContentDigest


class Cleanness(str, Enum):
    """What is known of the code behind a result. Committing and pushing it makes a dirty result clean."""

    CLEAN = "clean"
    DIRTY = "dirty"


class Publishes(Protocol):
    """A repository that knows what others can have."""

    def published(self, wanted: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return those of these (path, identity) that are in a published commit."""


def judge_code(repository: Publishes, records: Mapping[ContentDigest, Record]) -> dict[ContentDigest, Cleanness]:
    """Say of each record if all its code is published, judged as the repository is now, in one question for all.

    What was made without code of the repository is clean.

    Raises:
        HostError: git fails.
    """
    named = {digest: set(code_of(record)) for digest, record in records.items()}
    wanted = {one for code in named.values() for one in code}
    published = repository.published(wanted) if wanted else frozenset()
    return {digest: Cleanness.CLEAN if code <= published else Cleanness.DIRTY for digest, code in named.items()}


def code_of(record: Record) -> Iterator[tuple[str, str]]:
    """Every path and identity that the recipe of a record took from git: its code, and what its image was built from."""
    image = record.preimage.get("image")
    build = image.get("build") if isinstance(image, Mapping) else None
    for trees in (record.preimage.get("code"), build.get("tree") if isinstance(build, Mapping) else None):
        if isinstance(trees, Mapping):
            yield from ((str(path), str(identity)) for path, identity in trees.items())
