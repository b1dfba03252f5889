"""A store of named bytes with conditional writes, such as a bucket; the cell protocol needs no more than this.

Source: docs/adr/0008-the-protocol-over-a-small-object-port.md. An adapter turns its SDK's own retries off for
conditional writes: a retry that follows one's own success answers "precondition failed" (reliability of SDKs differs).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NewType, Protocol

from msgspec import Struct

Etag = NewType("Etag", str)
"""What a conditional write compares. Equal bytes may have equal etags."""


class Got(Struct, frozen=True):
    """An object as it was read."""

    data: bytes
    etag: Etag


class PreconditionFailedError(Exception):
    """The object is not as the write demanded (412, or 404 on a matching write); perhaps through one's own earlier request."""


class UnknownOutcomeError(Exception):
    """No clear answer (409, 5xx, time-out, reset): the request may have taken effect, may still do so, or never will."""


class Objects(Protocol):
    """Objects by key. Reading sees every write that was answered before it.

    Every method may raise `UnknownOutcomeError`; a refusal that trying again cannot change is a `HostError`.
    """

    def get(self, key: str) -> Got | None:
        """Return an object, None if there is none."""

    def size_bytes(self, key: str) -> int | None:
        """Return how long an object is without reading it, None if there is none."""

    def put(self, key: str, data: bytes) -> None:
        """Write without a condition: only for keys that decide their bytes."""

    def put_if_absent(self, key: str, data: bytes) -> Etag:
        """Write if there is nothing under the key.

        Raises:
            PreconditionFailedError: there is something.
            UnknownOutcomeError: no clear answer.
        """

    def put_if_match(self, key: str, data: bytes, etag: Etag) -> Etag:
        """Write if the object is still the one that was read.

        Raises:
            PreconditionFailedError: it is another, or gone.
            UnknownOutcomeError: no clear answer.
        """

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in the order of their bytes."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error. It may take effect later than it is answered."""


class Listed(Struct, frozen=True):
    """An object as its store lists it. `modified` is the store's own time in ISO 8601 (UTC)."""

    key: str
    size_bytes: int
    modified: str


class Bucket(Objects, Protocol):
    """Objects that are large as well: their bytes are never in memory all at once.

    Only for keys that decide their bytes, so that every request may be repeated.
    """

    @property
    def url(self) -> str:
        """What keys are appended to, for messages and for other tools, such as `s3://bucket/prefix/`."""

    def put_stream(self, key: str, chunks: Iterable[bytes], size_bytes: int) -> None:
        """Write an object from chunks of any length, in parts where it is large; nothing is there before all is.

        Raises:
            UnknownOutcomeError: no clear answer; `chunks` is used up.
        """

    def read(self, key: str, start: int, length: int) -> Iterator[bytes | memoryview]:
        """Yield `length` bytes from `start` on; the chunks too may raise `UnknownOutcomeError`.

        Raises:
            FileNotFoundError: there is no such object.
            UnknownOutcomeError: no clear answer, or fewer bytes than that.
        """

    def copy(self, source: str, target: str) -> None:
        """Copy an object inside the store.

        Raises:
            FileNotFoundError: there is no such object.
            UnknownOutcomeError: no clear answer.
        """

    def entries(self, prefix: str) -> Iterator[Listed]:
        """The objects that begin with `prefix`, in the order of the bytes of their keys."""
