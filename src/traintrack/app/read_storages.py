"""Other environments' storages: those that one reads through, and the one that results are pushed to."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from traintrack.app.open_storage import (
    BUCKET_SCHEME,
    DEFAULT,
    OpenStorage,
    namespace_of,
    open_bucket_to_read,
    open_storage,
    vetted_to_read,
)
from traintrack.errors import InputError, TraintrackError, UsageError
from traintrack.ports.storage import Storage
from traintrack.workspace.model import EnvironmentSpec, Workspace
from traintrack.workspace.suggest import did_you_mean

if TYPE_CHECKING:
    from traintrack.storages.through.reach import Read
    from traintrack.storages.trust.refusals import Refusals

DEV: Final = "dev"
"""What is not clean goes to `dev/<user>` of a bucket."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.+-]")


class PushPlaces(Struct, frozen=True):
    """Where clean results go and where all others do, which is the same in a folder; with the names of both as homes."""

    environment: str
    clean: OpenStorage
    other: OpenStorage
    clean_name: str
    other_name: str


def with_reads(workspace: Workspace, spec: EnvironmentSpec, own: OpenStorage) -> OpenStorage:
    """Let a storage reuse what stands in those that its environment reads; none of them is opened yet.

    Raises:
        InputError: `reads` names an environment that there is not, or the same one.
    """
    if not spec.reads:
        return own
    from traintrack.storages.trust.reading import VettingThrough  # noqa: PLC0415  adapters are loaded late
    from traintrack.storages.trust.refusals import Refusals  # noqa: PLC0415

    refusals = Refusals()
    reads = tuple(_reads(workspace, spec, refusals))
    return OpenStorage(VettingThrough(own.storage, reads, refusals), own.staging, own.root)


def push_places(workspace: Workspace, spec: EnvironmentSpec, name: str | None) -> PushPlaces:
    """Open the environment `name` to push to, else the first of `reads`.

    Raises:
        UsageError: there is none, or it is this one.
        HostError: it cannot be used.
    """
    wanted = name or next(iter(spec.reads), None)
    if wanted is None:
        hint = f"name one: `--to ENV`, or write `reads: [ENV]` into `{spec.name}`"
        raise UsageError(f"environment `{spec.name}` reads no other to push to", code="no-push-target", hint=hint)
    other = workspace.environments.get(wanted)
    if other is None:
        hint = did_you_mean(wanted, workspace.environments, "declare it below `environments`")
        raise UsageError(f"there is no environment `{wanted}`", code="unknown-environment", hint=hint)
    if other.storage == spec.storage and namespace_of(other) == namespace_of(spec):
        hint = "name another one with `--to ENV`"
        raise UsageError(f"`{wanted}` has the same storage as `{spec.name}`", code="no-push-target", hint=hint)
    clean = open_storage(workspace, other)
    if not other.storage.startswith(BUCKET_SCHEME):
        return PushPlaces(wanted, clean, clean, clean.storage.name, clean.storage.name)
    dev = open_storage(workspace, _in_namespace(other, dev_namespace()))
    return PushPlaces(wanted, clean, dev, _home(other, clean.storage), f"{dev.storage.name}{dev_namespace()}")


def dev_namespace() -> str:
    """The namespace of this user's results that are not clean."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{DEV}/{_NOT_IN_NAMES.sub('-', user)}"


def _reads(workspace: Workspace, spec: EnvironmentSpec, refusals: Refusals) -> Iterator[Read]:
    from traintrack.storages.through.reach import Read  # noqa: PLC0415  adapters are loaded late

    for name in spec.reads:
        other = workspace.environments.get(name)
        if other is None:
            hint = did_you_mean(name, workspace.environments, "declare it below `environments`")
            message = f"`{spec.name}` reads the environment `{name}`, which there is not"
            raise InputError(message, code="unknown-environment", location=spec.place, hint=hint)
        if name == spec.name:
            message = f"`{spec.name}` reads itself"
            raise InputError(message, code="reads-itself", location=spec.place, hint=f"take `{name}` out of `reads`")
        yield Read(name, partial(_open_to_read, workspace, other, refusals))


def _open_to_read(workspace: Workspace, spec: EnvironmentSpec, refusals: Refusals) -> Sequence[Storage]:
    """The namespaces of a storage in the order of look-up; what lies in a bucket is looked at before it is believed."""
    from traintrack.storages.through.named import NamedStorage  # noqa: PLC0415  adapters are loaded late

    if not spec.storage.startswith(BUCKET_SCHEME):
        return (_open_folder_to_read(workspace, spec),)
    first = open_bucket_to_read(spec)
    found = [vetted_to_read(spec, first, NamedStorage(first, _home(spec, first)), refusals)]
    try:
        dev = open_bucket_to_read(_in_namespace(spec, dev_namespace()))
    except TraintrackError:
        return found  # Who has pushed nothing that is not clean has no namespace of his own there.
    return (*found, vetted_to_read(spec, dev, NamedStorage(dev, f"{dev.name}{dev_namespace()}"), refusals))


def _open_folder_to_read(workspace: Workspace, spec: EnvironmentSpec) -> Storage:
    """A folder that is away must not be made, and one that belongs to others need not be writable."""
    from traintrack.storages.local.disk import find_root  # noqa: PLC0415  adapters are loaded late
    from traintrack.storages.local.store import LocalStorage  # noqa: PLC0415

    folder = Path(spec.storage).expanduser()
    return LocalStorage(find_root(folder if folder.is_absolute() else workspace.root / folder))


def _home(spec: EnvironmentSpec, storage: Storage) -> str:
    """The name of a namespace as a home: for the default one the storage's own."""
    namespace = namespace_of(spec)
    return storage.name if namespace == DEFAULT else f"{storage.name}{namespace}"


def _in_namespace(spec: EnvironmentSpec, namespace: str) -> EnvironmentSpec:
    return replace(spec, options={**spec.options, "namespace": namespace})
