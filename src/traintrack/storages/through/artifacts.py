"""Artifacts of a storage that reads through: made here, or looked for where the result says that its bytes are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from traintrack.action.cell import Result
from traintrack.action.job import Output
from traintrack.action.manifest import Manifest, read_manifest
from traintrack.digest import ArtifactDigest
from traintrack.errors import IntegrityError, NotFoundError
from traintrack.ports.storage import Artifacts, Kept, Storage
from traintrack.storages.through.elsewhere import Elsewhere


class ThroughArtifacts:
    """The bytes of results, whose `home` says where they are; nowhere is anything copied but into a home's own cache."""

    def __init__(self, own: Artifacts, kept: Kept, elsewhere: Elsewhere) -> None:
        self._own, self._kept, self._elsewhere = own, kept, elsewhere
        self._guard = threading.Lock()
        self._homes: dict[ArtifactDigest, Storage] = {}

    def publish(self, output: Output) -> Result:
        """Make a staged output permanent here, without its record."""
        return self._own.publish(output)

    def manifest(self, result: Result) -> Manifest:
        """Return the manifest of a result, which is kept here wherever the bytes are.

        Raises:
            IntegrityError: it is missing or damaged.
        """
        try:
            return self._own.manifest(result)
        except IntegrityError:
            data = self._kept.get(result.manifest) if result.home else None
            if data is None:
                raise
            return read_manifest(data)

    def check(self, result: Result, subpath: str | None = None) -> str | None:
        """Look if a result, or a part of it, is there and whole, here or at its home; nothing is brought here.

        Raises:
            HostError: the own storage cannot be read.
        """
        return self._look(result, subpath, lambda artifacts, plain: artifacts.check(plain, subpath))

    def fetch(self, result: Result, subpath: str | None = None) -> str | None:
        """Bring here what is about to be read, and check it; a home that is out of reach has lost it.

        Raises:
            HostError: the own storage cannot be read.
        """
        return self._look(result, subpath, lambda artifacts, plain: artifacts.fetch(plain, subpath))

    def path(self, artifact: ArtifactDigest, subpath: str | None = None) -> Path:
        """The local path of an artifact or a part of it: in this storage, else where a home has it on this machine.

        Raises:
            NotFoundError: there is no such artifact or path on this machine.
        """
        known = self._homes.get(artifact)
        for storage in (known,) if known is not None else (None, *self._elsewhere.opened()):
            try:
                return (storage.artifacts if storage is not None else self._own).path(artifact, subpath)
            except NotFoundError:
                continue
        return self._own.path(artifact, subpath)

    def discard(self, output: Output) -> None:
        """Drop a staged output that is not wanted."""
        self._own.discard(output)

    def _look(
        self, result: Result, subpath: str | None, question: Callable[[Artifacts, Result], str | None]
    ) -> str | None:
        if not result.home:
            return question(self._own, result)
        plain = replace(result, home="")
        if self._is_here(plain, subpath):
            return None
        found = self._elsewhere.home(result.home)
        if found is None:
            lost = self._elsewhere.is_lost(result.home)
            return f"its bytes are in {result.home}, which {'is out of reach' if lost else 'is not read here any more'}"
        reach, storage = found
        # A tuple, as None is what a whole result answers.
        answer = reach.ask(lambda: (question(storage.artifacts, plain),))
        if answer is None:
            return f"its bytes are in {result.home}, which is out of reach"
        with self._guard:
            self._homes[result.artifact] = storage
        return f"in {result.home}: {answer[0]}" if answer[0] is not None else None

    def _is_here(self, plain: Result, subpath: str | None) -> bool:
        """Tell if the own storage has the same artifact, whole: another ID may have come to the same bytes."""
        try:
            self._own.path(plain.artifact)
        except NotFoundError:
            return False
        if self._own.check(plain, subpath) is not None:
            return False
        with self._guard:
            self._homes.pop(plain.artifact, None)
        return True
