"""Where everything stands in a store's folder (docs/reference/record.md, "The folder")."""

from __future__ import annotations

import re

from msgspec import Struct

from traintrack.errors import InternalError

_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.+@=,-]{1,200}\Z", re.ASCII)


class Places(Struct, frozen=True):
    """Paths as text, for speed: `root` is absolute, and all of it lies on one file system."""

    root: str
    namespace: str

    @property
    def cells(self) -> str:
        """The folder of all cells of the namespace."""
        return f"{self.root}/ns/{self.namespace}/cell"

    @property
    def stage(self) -> str:
        """Outputs that come into being, as `<name>~<session>`."""
        return f"{self.root}/stage"

    @property
    def temporary(self) -> str:
        """Files that are being written, as `<session>~<number>`."""
        return f"{self.root}/part"

    @property
    def alive(self) -> str:
        """A locked file per living session."""
        return f"{self.root}/alive"

    @property
    def trash(self) -> str:
        """What was moved out of the way and may be removed at any time."""
        return f"{self.root}/trash"

    @property
    def quarantine(self) -> str:
        """What `verify --repair` found damaged; only a person removes it."""
        return f"{self.root}/quarantine"

    @property
    def runs(self) -> str:
        """Run documents by name."""
        return f"{self.root}/run"

    @property
    def collector_lock(self) -> str:
        """Held shared by publishers, exclusively by the collector."""
        return f"{self.root}/lock/gc.lock"

    @property
    def collector_gate(self) -> str:
        """Passed by publishers before they begin; held by the collector while it waits for them and works."""
        return f"{self.root}/lock/gc.gate"

    def cell(self, id_: str) -> str:
        """The cell of an ID."""
        return f"{self.root}/ns/{self.namespace}/cell/{id_[:2]}/{id_}"

    def wants(self, id_: str) -> str:
        """The folder of those who wait for an ID."""
        return f"{self.root}/ns/{self.namespace}/want/{id_}"

    def cell_lock(self, id_: str) -> str:
        """The lock of the cell's shard, one of 256."""
        return f"{self.root}/lock/cell/{id_[:2]}"

    def hint(self, key: str) -> str:
        """The hint of an ActionKey."""
        return f"{self.root}/ns/{self.namespace}/hint/{key[:2]}/{key}"

    def kept(self, digest: str) -> str:
        """A small object that is kept for ever."""
        return f"{self.root}/kept/{digest[:2]}/{digest}"

    def named(self, name: str) -> str:
        """The digest of an object that is kept under a name."""
        return f"{self.root}/kept/named/{checked(name)}"

    def artifact(self, digest: str) -> str:
        """The folder of an artifact."""
        return f"{self.root}/artifact/{digest[:2]}/{digest}"

    def artifact_lock(self, digest: str) -> str:
        """The lock of the artifact's shard, one of 256."""
        return f"{self.root}/lock/artifact/{digest[:2]}"

    def layout(self, digest: str) -> str:
        """What was noted of an artifact's files when it was committed."""
        return f"{self.root}/layout/{digest[:2]}/{digest}"

    def label(self, digest: str) -> str:
        """The history of a label."""
        return f"{self.root}/label/{digest[:2]}/{digest}"

    def label_lock(self, digest: str) -> str:
        """The lock of the label's shard, one of 256."""
        return f"{self.root}/lock/label/{digest[:2]}"

    def run(self, run: str) -> str:
        """A run document."""
        return f"{self.runs}/{checked(run)}"

    def document(self, name: str) -> str:
        """A small document that may change, such as `roots/<workspace>`."""
        return f"{self.root}/{checked(name)}"

    @property
    def documents_lock(self) -> str:
        """Held by who changes a document."""
        return f"{self.root}/lock/document"

    def log(self, name: str) -> str:
        """A kept log."""
        return f"{self.root}/log/{checked(name)}"


def is_name(text: str) -> bool:
    """Tell if every segment between `/` can be a file name of the store: none is hidden, empty or `..`."""
    return all(_NAME.match(part) for part in text.split("/"))


def checked(name: str) -> str:
    """Return the name as it is, if no part of it could leave its folder.

    Raises:
        InternalError: names are made by traintrack, so a bad one is a bug.
    """
    if not is_name(name):
        raise InternalError(f"`{name!r}` cannot be a name in a store", code="store-name")
    return name
