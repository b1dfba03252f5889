"""What is never collected: the pins of people, and the IDs that a workspace's lock files name; `roots/<workspace>`.

Whatever else comes to stand for ever (an alias, say) is one more field of `Roots` and one more line in `rooted`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from traintrack.app.project import Project
from traintrack.digest import TargetId, sha256_hex
from traintrack.errors import HostError, IntegrityError
from traintrack.ports.collect import Collectable, DocumentConflictError, Documents
from traintrack.ports.storage import Storage
from traintrack.workspace.model import Lock

ROOTS_FORMAT = "traintrack/roots/1"
KIND = "roots"
TRIES = 20

T = TypeVar("T")


class Pin(Struct, frozen=True):
    """A result that somebody wants kept for ever: who, when (ISO 8601) and why, for people. `name` is theirs for it."""

    id: TargetId
    label: str
    by: str
    at: str
    name: str = ""
    why: str = ""


class Roots(Struct, frozen=True):
    """The roots of one workspace. `frozen`: package → IDs that its TTLOCK.yaml names, sorted."""

    workspace: str
    pins: tuple[Pin, ...] = ()
    frozen: Mapping[str, tuple[TargetId, ...]] = field(default_factory=dict)
    format: str = ROOTS_FORMAT


def rooted(documents: Documents) -> dict[TargetId, str]:
    """Return the roots of every workspace of a store, with words that say why each is one.

    Raises:
        IntegrityError: a document cannot be read; it is named, and nothing may be removed.
        HostError: the storage cannot be read.
    """
    found: dict[TargetId, str] = {}
    for name in documents.names(KIND):
        roots = _read(documents, name)
        if roots is None:
            continue
        found |= {id_: f"frozen in //{package}" for package, ids in roots.frozen.items() for id_ in ids}
        found |= {pin.id: f"pinned by {pin.by}" for pin in roots.pins}
    return found


def read_roots(documents: Documents, workspace: str) -> Roots:
    """Return the roots of a workspace, empty ones if there are none yet.

    Raises:
        IntegrityError: they cannot be read.
        HostError: the storage cannot be read.
    """
    return _read(documents, _name(workspace)) or Roots(workspace)


def change_roots(documents: Documents, workspace: str, change: Callable[[Roots], Roots]) -> Roots:
    """Apply a change to the roots of a workspace and return them; nothing is written where nothing changed.

    Raises:
        IntegrityError: they cannot be read.
        HostError: they cannot be written.
    """
    name = _name(workspace)
    for _ in range(TRIES):
        before = documents.read(name)
        roots = Roots(workspace) if before is None else _decoded(before.data, name)
        changed = change(roots)
        if changed == roots:
            return roots
        try:
            documents.swap(name, before, msgspec.json.encode(changed))
        except DocumentConflictError:
            continue
        return changed
    raise HostError(f"`{name}` is changed by others all the time", code="roots-busy", hint="run the same command again")


def note_frozen(project: Project, storage: Storage, labels: Mapping[str, TargetId]) -> None:
    """Write down what the lock files of the labels' experiments name, if any does and it changed.

    Raises:
        HostError: it cannot be written.
    """
    packages = {label[2:].rpartition(":")[0] for label in labels}
    locks = {package: project.loader.experiment(package).lock for package in packages}
    found = {package: ids for package, lock in locks.items() if (ids := _frozen_ids(lock))}
    if found and isinstance(storage, Collectable):
        change_roots(
            storage.documents,
            project.workspace.name,
            lambda roots: replace(
                roots, frozen={**{k: v for k, v in roots.frozen.items() if k not in packages}, **found}
            ),
        )


def _frozen_ids(lock: Lock) -> tuple[TargetId, ...]:
    return tuple(sorted({TargetId(pin.id) for pin in (*lock.frozen.values(), *lock.refs.values())}))


def _read(documents: Documents, name: str) -> Roots | None:
    found = documents.read(name)
    return None if found is None else _decoded(found.data, name)


def _decoded(data: bytes, name: str) -> Roots:
    try:
        roots = msgspec.json.decode(data, type=Roots)
    except msgspec.MsgspecError as error:
        raise _unreadable(name, str(error)) from error
    if roots.format != ROOTS_FORMAT:
        raise _unreadable(name, f"it has the format `{roots.format}`")
    return roots


def _unreadable(name: str, why: str) -> IntegrityError:
    return IntegrityError(
        f"`{name}` cannot be read, so that nothing is known of what is to be kept: {why}",
        code="roots-damaged",
        hint="use the newest traintrack; if it is damaged, remove it and pin again what it named",
    )


def _name(workspace: str) -> str:
    """The document of a workspace; a name that no file may have is spelled as its digest."""
    if workspace.startswith(".") or len(workspace) > 150:
        return f"{KIND}/={sha256_hex(workspace.encode())}"
    return f"{KIND}/{workspace}"
