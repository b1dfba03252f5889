"""A storage that does not believe all that it finds: what it adds to the port, for those who tell about results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from msgspec import Struct

from traintrack.digest import TargetId
from traintrack.ports.storage import Storage


class Refusal(Struct, frozen=True):
    """A result that was found in the storage of that name and is not taken; `words` say what does not fit in it."""

    id: TargetId
    storage: str
    words: str


@runtime_checkable
class Refuses(Protocol):
    """A storage that looks at results before it lets them stand; one that is refused is as good as none."""

    def refusal(self, id_: TargetId) -> Refusal | None:
        """What was refused of an ID since the storage was opened, None if nothing was."""

    def hear_refusals(self, tell: Callable[[str], None]) -> None:
        """Tell each refusal once, also those that were there before."""


def refusal_of(storage: Storage, id_: TargetId) -> Refusal | None:
    """What a storage has refused of an ID; None if it believes all or nothing was refused."""
    return storage.refusal(id_) if isinstance(storage, Refuses) else None
