"""What the pin of external data would be: found where the data lies, with as few of its bytes read as its kind allows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from traintrack.analysis.pins import NeededPin
from traintrack.analysis.sources import CONTENT, LISTING
from traintrack.app.environment import open_sources
from traintrack.app.listings import KeptListings
from traintrack.app.source_scan import content_of
from traintrack.errors import InputError
from traintrack.ports.sources import SourceEntry, Tell
from traintrack.storages.sources.listing import ListingDigest
from traintrack.storages.sources.opened import Sources
from traintrack.storages.sources.uri import FILE, scheme_of
from traintrack.workspace.model import SourcePin, Workspace

_BY_HAND = (
    "this version does not look up `{name}`",
    "write what it stands for into TTLOCK.yaml: under `refs`, `{name}: {{id: …, artifact: …}}`",
)


def pin_source(workspace: Workspace, needed: NeededPin, tell: Tell = lambda _: None) -> SourcePin:
    """Return the pin of external data, by content or by listing as is needed; relative paths are from the workspace root.

    Raises:
        InputError: the data is not there, or is none; of other kinds of pins that they are written by hand.
        HostError: it is out of reach, or cannot be read.
    """
    if needed.kind not in (CONTENT, LISTING):
        fact, hint = (words.format(name=needed.name) for words in _BY_HAND)
        raise InputError(fact, code="cannot-pin", location=needed.place, hint=hint)
    return look_up(open_sources(workspace), needed.name, needed.kind, tell)


def look_up(sources: Sources, uri: str, kind: str, tell: Tell = lambda _: None) -> SourcePin:
    """Return what a source would be pinned to now.

    Raises:
        InputError: the data is not there, or is none.
        HostError: it is out of reach, or cannot be read.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind == LISTING:
        return SourcePin(listing=listing_of(sources, uri), at=now)
    looks = None if scheme_of(uri) == FILE else listing_of(sources, uri, versions_needed=())
    return SourcePin(content=content_of(sources, uri, looks, tell), listing=looks, at=now)


def listing_of(sources: Sources, uri: str, versions_needed: tuple[str, ...] = ("https",)) -> str:
    """Return the digest of what is listed at a URI, and keep the listing for the day on which it is another.

    `versions_needed` are the schemes of which a file without any version is refused: size and name alone say little.

    Raises:
        InputError: there is nothing, or something that cannot be data.
        HostError: it is out of reach.
    """
    digest = ListingDigest()
    entries = sources.list(uri)
    if scheme_of(uri) in versions_needed:
        entries = _with_versions(uri, entries)
    with KeptListings().writing() as file:
        for entry in entries:
            file.write(digest.add(entry))
        file.keep(digest.hexdigest())
    return digest.hexdigest()


def _with_versions(uri: str, entries: Iterator[SourceEntry]) -> Iterator[SourceEntry]:
    for entry in entries:
        if not entry.version:
            message = f"the server of `{uri}` gives neither ETag nor Last-Modified, so a listing says nothing"
            raise InputError(message, code="cannot-pin", hint="write `pin: content`")
        yield entry
