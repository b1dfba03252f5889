"""Looking at a whole storage for damage, and setting aside what is damaged (ADR 0007)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum
from typing import Protocol, TypeAlias, runtime_checkable

from msgspec import Struct

from traintrack.digest import TargetId


class Depth(str, Enum):
    """How closely to look: at presence, sizes and types, or at every byte."""

    QUICK = "quick"
    DATA = "data"


class FindingKind(str, Enum):
    """What is wrong. `RIGHTS` harms nothing yet; `NEWER` is no damage: another version has to read it."""

    CELL = "cell"
    RECORD = "record"
    MANIFEST = "manifest"
    ARTIFACT = "artifact"
    RIGHTS = "rights"
    NOTES = "notes"
    KEPT = "kept"
    NAME = "name"
    RUN = "run"
    HISTORY = "history"
    HINT = "hint"
    DOCUMENT = "document"
    NEWER = "newer"


class Finding(Struct, frozen=True, order=True):
    """One thing that is wrong: `path` from the root of the storage, `words` say what.

    `id` is the ID whose result it spoils, `label` the one in its record; both empty where they are not known.
    """

    path: str
    kind: FindingKind
    words: str
    id: TargetId | None = None
    label: str = ""


class Looked(Struct, frozen=True):
    """How far a look has come: results, other objects, and bytes that were hashed."""

    results: int = 0
    objects: int = 0
    hashed_bytes: int = 0


class Scope(Struct, frozen=True):
    """What to look at: the results of `ids`, or everything if None.

    Of `share` (0 to 1) of the results and kept objects the bytes are hashed, chosen by `seed`; the others are
    looked at as with `QUICK`.
    """

    depth: Depth = Depth.DATA
    ids: tuple[TargetId, ...] | None = None
    share: float = 1.0
    seed: str = ""


class Survey(Struct, frozen=True):
    """What a look found: findings sorted by path, each once; `remarks` are no damage, in words."""

    findings: tuple[Finding, ...]
    remarks: tuple[str, ...] = ()
    looked: Looked = Looked()


class Mended(Struct, frozen=True):
    """What was done about a path; `freed` are IDs that have no result any more, with the labels of their records."""

    path: str
    words: str
    freed: tuple[tuple[TargetId, str], ...] = ()


class Cost(Struct, frozen=True):
    """About what a look at every byte asks of a storage that counts requests and bytes."""

    requests: int
    size_bytes: int


NamedJudge: TypeAlias = Callable[[str, bytes], "str | None"]
"""Takes a name in `Kept` and the bytes under it; says in words what is wrong with them, None if they fit the name."""


@runtime_checkable
class Verifiable(Protocol):
    """A storage that can be looked over."""

    def survey(self, scope: Scope, judge: NamedJudge, tell: Callable[[Looked], None]) -> Survey:
        """Look for damage, and change nothing. What others change meanwhile is looked at again before it is told.

        Args:
            scope: what to look at, and how closely.
            judge: knows what the names of kept objects promise.
            tell: hears now and then how far it is; from one thread.

        Raises:
            HostError: the storage cannot be read.
        """

    def mend(self, findings: Collection[Finding]) -> tuple[Mended, ...]:
        """Set aside what is damaged still, and free the cells of results that are; nothing is deleted or edited.

        Raises:
            HostError: the storage cannot be written.
        """


@runtime_checkable
class TellsCost(Protocol):
    """A storage whose bytes come from afar, so that a look at all of them is no small thing."""

    def cost(self, scope: Scope) -> Cost | None:
        """Say about what a look with `DATA` would read, by sizes alone; None where only the look itself can tell.

        Raises:
            HostError: the storage cannot be listed.
        """
