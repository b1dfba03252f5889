"""Where other tools read the files of a result by name: what `layout: plain` is for."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from traintrack.action.cell import Result
from traintrack.errors import IntegrityError
from traintrack.ports.storage import Storage
from traintrack.ports.through import ReadsThrough


@runtime_checkable
class Addressed(Protocol):
    """Artifacts of a bucket, of which some lie under their own names."""

    def address(self, result: Result) -> str | None:
        """The URL below which the files of a result lie under their own names; None if they do not."""


def plain_url(storage: Storage, result: Result) -> str | None:
    """The URL below which the files of a result lie under their own names, None if they do not or it is damaged.

    Raises:
        HostError: the bucket cannot be read.
    """
    home = storage.home(result) if isinstance(storage, ReadsThrough) else storage
    if home is None or not isinstance(home.artifacts, Addressed):
        return None
    try:
        return home.artifacts.address(result)
    except IntegrityError:
        return None
