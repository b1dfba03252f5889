"""Small documents that change, as files: `roots/<workspace>`, `use/<name>`."""

from __future__ import annotations

from collections.abc import Iterator

from traintrack.ports.collect import Document, DocumentConflictError
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.files import Files, read_file
from traintrack.storages.local.listing import names_below
from traintrack.storages.local.locks import FileLock
from traintrack.storages.local.places import Places


class LocalDocuments:
    """Documents of one store. The version of one is its text."""

    def __init__(self, places: Places, files: Files) -> None:
        self._places = places
        self._files = files

    def names(self, kind: str) -> Iterator[str]:
        """The names that begin with `kind/`, sorted.

        Raises:
            HostError: they cannot be listed.
        """
        with DiskErrors("read", self._places.document(kind)):
            yield from [f"{kind}/{name}" for name in names_below(self._places.document(kind))]

    def read(self, name: str) -> Document | None:
        """Return a document, None if there is none.

        Raises:
            HostError: it cannot be read.
        """
        with DiskErrors("read", self._places.document(name)):
            data = read_file(self._places.document(name))
        return None if data is None else Document(data, data.decode("latin-1"))

    def write(self, name: str, data: bytes) -> None:
        """Put a document in place of what is there.

        Raises:
            HostError: it cannot be written.
        """
        with DiskErrors("write", self._places.document(name)):
            self._files.write(self._places.document(name), data)

    def swap(self, name: str, before: Document | None, data: bytes) -> None:
        """Put a document in place of the one that was read; on the disk when this returns.

        Raises:
            DocumentConflictError: it is not as it was read.
            HostError: it cannot be written.
        """
        with DiskErrors("write", self._places.document(name)):
            with FileLock(self._places.documents_lock):
                if self.read(name) != before:
                    raise DocumentConflictError(name)
                self._files.write(self._places.document(name), data)
            self._files.settle()
