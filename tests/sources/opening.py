"""Builders for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

from traintrack.ports.sources import SourceEntry
from traintrack.storages.sources.https import HttpsReader
from traintrack.storages.sources.listing import ListingDigest
from traintrack.storages.sources.opened import Sources, counted
from traintrack.storages.sources.patience import Patience
from traintrack.storages.sources.progress import Progress
from traintrack.storages.sources.s3 import S3Reader

HASTY = Patience(tries=3, pause_s=0.001)


def sources(root: Path, **mounts: str) -> Sources:
    return Sources(root, mounts, {"https": lambda: HttpsReader(HASTY, 5.0), "s3": S3Reader}, HASTY)


def listed(uri: str, root: Path = Path("/"), **mounts: str) -> list[SourceEntry]:
    return list(sources(root, **mounts).list(uri))


def digest_of(uri: str, root: Path = Path("/"), **mounts: str) -> str:
    digest = ListingDigest()
    for entry in sources(root, **mounts).list(uri):
        digest.add(entry)
    return digest.hexdigest()


def fetched(uri: str, place: Path, root: Path = Path("/"), **mounts: str) -> dict[str, bytes]:
    opened = sources(root, **mounts)
    entries = counted(opened.list(uri), ListingDigest())
    opened.fetch(uri, entries, place, Progress(uri, lambda _: None))
    return contents(place)


def contents(place: Path) -> dict[str, bytes]:
    return {p.relative_to(place).as_posix(): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}
