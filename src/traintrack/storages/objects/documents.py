"""Small documents that change, as objects: `roots/<workspace>`, `use/<name>`; for all namespaces of a store."""

from __future__ import annotations

from collections.abc import Iterator

from traintrack.ports.collect import Document, DocumentConflictError
from traintrack.ports.objects import Etag, Objects, PreconditionFailedError, UnknownOutcomeError
from traintrack.storages.objects.pace import Pace, Patience, patiently


class ObjectDocuments:
    """Documents of one store. The version of one is its etag."""

    def __init__(self, objects: Objects, pace: Pace) -> None:
        self._objects, self._pace = objects, pace

    def names(self, kind: str) -> Iterator[str]:
        """The names that begin with `kind/`, sorted.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        yield from patiently(self._pace, f"list `{kind}/`", lambda: list(self._objects.list(f"{kind}/")))

    def read(self, name: str) -> Document | None:
        """Return a document, None if there is none.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        got = patiently(self._pace, f"read `{name}`", lambda: self._objects.get(name))
        return None if got is None else Document(got.data, got.etag)

    def write(self, name: str, data: bytes) -> None:
        """Put a document in place of what is there.

        Raises:
            HostError: there was no clear answer until the deadline.
        """
        patiently(self._pace, f"write `{name}`", lambda: self._objects.put(name, data))

    def swap(self, name: str, before: Document | None, data: bytes) -> None:
        """Put a document in place of the one that was read; an unclear answer is read before anything is decided.

        Raises:
            DocumentConflictError: it is not as it was read.
            HostError: there was no clear answer until the deadline.
        """
        patience = Patience(self._pace, f"write `{name}`")
        while True:
            try:
                if before is None:
                    self._objects.put_if_absent(name, data)
                else:
                    self._objects.put_if_match(name, data, Etag(before.version))
            except (PreconditionFailedError, UnknownOutcomeError) as error:
                now = self.read(name)
                if now is not None and now.data == data:
                    return
                if (now.version if now else None) != (before.version if before else None):
                    raise DocumentConflictError(name) from error
                patience.pause(error)
            else:
                return
