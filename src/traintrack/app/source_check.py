"""Whether external data is still what it was pinned to; with words on what is different."""

from __future__ import annotations

from collections.abc import Iterable

from traintrack.action.action import ExternalData
from traintrack.app.listings import KeptListings
from traintrack.app.source_pins import listing_of
from traintrack.app.source_scan import content_of
from traintrack.ports.sources import Tell
from traintrack.storages.sources.listing import first_difference
from traintrack.storages.sources.opened import Sources, changed


def demand_unchanged(sources: Sources, data: Iterable[ExternalData], tell: Tell) -> None:
    """See to it that data which stays where it is can be read as it was pinned.

    Raises:
        IntegrityError: it is not what was pinned.
        InputError: it is gone.
        HostError: it is out of reach.
    """
    for source in data:
        check_source(sources, source, tell)


def check_source(sources: Sources, source: ExternalData, tell: Tell) -> None:
    """Compare one source with its pin: listings first, and bytes only where nothing else can tell.

    Raises:
        IntegrityError: it is not what was pinned.
        InputError: it is gone.
        HostError: it is out of reach.
    """
    label = source.provenance.label
    if source.content is None:
        pinned = source.listing or ""
        found = listing_of(sources, source.uri)
        if found != pinned:
            raise changed(source.uri, pinned, found, difference(pinned, found), label)
        return
    looks = listing_of(sources, source.uri, ()) if source.looks is not None else None
    if looks is not None and looks == source.looks:
        return
    content = content_of(sources, source.uri, looks, tell)
    if content != source.content:
        words = difference(source.looks, looks) if source.looks and looks else None
        raise changed(source.uri, source.content, content, words, label)


def difference(old: str, new: str) -> str | None:
    """Say what is the first difference of two listings, None if one is not known here any more."""
    kept = KeptListings()
    before, after = kept.rows(old), kept.rows(new)
    if before is None or after is None:
        return None
    try:
        return first_difference(before, after)
    except (OSError, ValueError, EOFError):
        return None  # A damaged cache costs words.
