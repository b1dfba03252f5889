"""Removing bytes that nobody wants any more, and the small documents that say who wants what.

What may go is decided above (`app/keep.py`); how it goes, beside any number of writers and safely at any age, is the
storage's. Records, manifests, kept objects and logs are never removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol, runtime_checkable

from msgspec import Struct

from traintrack.digest import TargetId
from traintrack.errors import GateError
from traintrack.ports.storage import Seen

FENCE_AFTER_S = 3600.0
GRACE_S = 7 * 86_400.0


class Terms(Struct, frozen=True):
    """How to collect.

    `note` goes into the cells that are freed, for people. `most_share` (0 to 1) of the results, and of what holds
    bytes, may go at once: an empty list of roots must not empty a store. Publishers are waited for at most
    `fence_after_s`; then a bucket fences them, and a folder gives up. In a bucket objects younger than `grace_s` by the
    store's own time are spared: that is comfort, and nothing rests on it.
    """

    note: str = ""
    most_share: float = 0.5
    fence_after_s: float = FENCE_AFTER_S
    grace_s: float = GRACE_S

    def demand(self, going: int, whole: int, what: str) -> None:
        """See that not too much goes at once.

        Raises:
            GateError: more than `most_share` of `whole` would go.
        """
        if going > self.most_share * whole:
            share = going / whole
            raise GateError(
                f"{going} of {whole} {what} would go, which is more than {self.most_share:.0%}",
                code="delete-fraction",
                hint=f"if that is meant, add `--max-delete-fraction {min(share + 0.01, 1.0):.2f}`",
            )


class Loose(Struct, frozen=True):
    """Bytes that no cell names: of runs that died between storing and committing, and of replaced results."""

    count: int = 0
    size_bytes: int = 0


class Collected(Struct, frozen=True):
    """What a collection did. `spared` were chosen, and are read, or were changed, since; both sorted.

    `removed` counts what held bytes; `freed_bytes` is what became free by this collection: in a bucket the bytes of
    what is evicted go with the next one.
    """

    evicted: tuple[TargetId, ...] = ()
    spared: tuple[TargetId, ...] = ()
    removed: int = 0
    freed_bytes: int = 0


class Collecting(Protocol):
    """The collector of a storage. Only one works at a time; a second one waits or is refused."""

    def survey(self) -> tuple[Seen, ...]:
        """Read every cell of the namespace, sorted by ID.

        Raises:
            IntegrityError: one is damaged: what it names is not known, so nothing can be removed.
            HostError: the storage cannot be read.
        """

    def loose(self) -> Loose:
        """Count what no cell names, as far as it is settled: what is being published may be counted in.

        Raises:
            IntegrityError: a cell is damaged.
            HostError: the storage cannot be read.
        """

    def collect(self, chosen: Collection[Seen], terms: Terms) -> Collected:
        """Free the cells that were `chosen` and are as they were seen, and remove all bytes that no cell names.

        Safe at any moment beside those who read, execute and publish; what is held as an input stays.

        Raises:
            GateError: more than `terms` allow would go; nothing was removed.
            IntegrityError: a cell cannot be read; nothing was removed.
            HostError: another collector is at work, a publisher does not end, or the storage gave no clear answer.
        """


class Document(Struct, frozen=True):
    """A document as it was read; `version` is what a swap compares."""

    data: bytes
    version: str


class DocumentConflictError(Exception):
    """Somebody else changed the document."""


class Documents(Protocol):
    """Small documents that change, under names such as `roots/<workspace>`; what collects reads them all."""

    def names(self, kind: str) -> Iterator[str]:
        """The names that begin with `kind/`, sorted.

        Raises:
            HostError: the storage cannot be read.
        """

    def read(self, name: str) -> Document | None:
        """Return a document, None if there is none.

        Raises:
            HostError: it cannot be read.
        """

    def write(self, name: str, data: bytes) -> None:
        """Put a document in place of what is there: the last writer wins.

        Raises:
            HostError: it cannot be written.
        """

    def swap(self, name: str, before: Document | None, data: bytes) -> None:
        """Put a document in place of the one that was read, or where there was none.

        Raises:
            DocumentConflictError: it is not as it was read.
            HostError: it cannot be written.
        """


@runtime_checkable
class Collectable(Protocol):
    """A storage that can be collected."""

    @property
    def collecting(self) -> Collecting:
        """Its collector."""

    @property
    def documents(self) -> Documents:
        """Roots and uses."""
