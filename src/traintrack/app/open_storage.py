"""Opens the storage that an environment names: a folder of this machine, or a bucket with a cache before it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from traintrack.digest import sha256_hex
from traintrack.errors import InputError, UsageError
from traintrack.ports.storage import Staging, Storage
from traintrack.workspace.model import EnvironmentSpec, Workspace
from traintrack.workspace.quantities import QuantityError, parse_duration, parse_size

if TYPE_CHECKING:
    from traintrack.ports.objects import Bucket
    from traintrack.storages.objects.export import Export
    from traintrack.storages.objects.store import ObjectStorage, WhereNone
    from traintrack.storages.trust.contents import Check
    from traintrack.storages.trust.refusals import Refusals

CACHE_LIMIT_BYTES: Final = 100 << 30
CACHE_LIMIT_VARIABLE: Final = "TRAINTRACK_CACHE_LIMIT"
BUCKET_SCHEME: Final = "s3://"
DEFAULT: Final = "default"


class OpenStorage(Struct, frozen=True):
    """A storage with where outputs are staged; `root` is the folder of what this machine keeps beside it.

    Failed attempts and the runners' state lie in it, on the file system of the stages.
    """

    storage: Storage
    staging: Staging
    root: Path


def open_storage(workspace: Workspace, spec: EnvironmentSpec) -> OpenStorage:
    """Open what the `storage` of an environment names.

    Raises:
        InputError: this version has no such storage.
        HostError: it cannot be used.
        IntegrityError: it has a newer format.
    """
    if spec.storage.startswith(BUCKET_SCHEME):
        from traintrack.storages.objects.store import WhereNone  # noqa: PLC0415  adapters are loaded late

        storage, folder = _open_bucket(spec, WhereNone.MAKE)
        return OpenStorage(_vetted(spec, storage), storage.staging, folder)
    if "://" not in spec.storage:
        return _open_folder(_folder(workspace, spec.storage))
    raise InputError(
        f"environment `{spec.name}` needs the storage `{spec.storage}`, which this version does not have",
        code="unsupported",
        location=spec.place,
        hint="write a folder, or `s3://BUCKET/PREFIX`",
    )


def open_bucket_to_read(spec: EnvironmentSpec) -> ObjectStorage:
    """Open the storage in a bucket that others have made; nothing is written.

    Raises:
        HostError: there is none, or it cannot be used.
        IntegrityError: it has a newer format.
    """
    from traintrack.storages.objects.store import WhereNone  # noqa: PLC0415  adapters are loaded late

    return _open_bucket(spec, WhereNone.REFUSE)[0]


def vetted_to_read(spec: EnvironmentSpec, storage: ObjectStorage, named: Storage, refusals: Refusals) -> Storage:
    """Let results of a bucket stand only where record and file list fit; `named` is the storage under its own name.

    A namespace that an environment names is one that not everybody may write: there the places of the files and the
    metrics are looked at as well.
    """
    from traintrack.storages.objects.agreement import layout_contradiction  # noqa: PLC0415  adapters are loaded late
    from traintrack.storages.trust.contents import contents_contradiction, metrics_contradiction  # noqa: PLC0415
    from traintrack.storages.trust.vetted import VettedStorage  # noqa: PLC0415

    checks: tuple[Check, ...] = ()
    if namespace_of(spec) != DEFAULT:
        checks = (
            lambda contents: layout_contradiction(storage, contents.result, contents.manifest),
            partial(metrics_contradiction, storage),
        )
    return VettedStorage(named, refusals, partial(contents_contradiction, storage, checks))


def namespace_of(spec: EnvironmentSpec) -> str:
    """Which results of a bucket an environment has."""
    return str(spec.options.get("namespace") or DEFAULT)


def open_export(workspace: Workspace, spec: EnvironmentSpec, url: str) -> tuple[Export, str]:
    """Open a bucket to copy results into, and return it with what their keys begin with.

    It is spoken to as the environment says that has its storage in it, else as this one says.

    Raises:
        InputError: this is no place in a bucket.
        HostError: settings or credentials are not usable.
    """
    from traintrack.storages.objects.export import Export  # noqa: PLC0415  adapters are loaded late
    from traintrack.storages.objects.pace import RealPace  # noqa: PLC0415
    from traintrack.storages.s3.bucket import S3Bucket  # noqa: PLC0415
    from traintrack.storages.s3.place import place_of  # noqa: PLC0415

    place = place_of(url)
    whole = f"{BUCKET_SCHEME}{place.bucket}/"
    known = [spec, *(workspace.environments[name] for name in spec.reads if name in workspace.environments)]
    options = next((one.options for one in known if f"{one.storage}/".startswith(whole)), spec.options)
    bucket = S3Bucket(whole, options)

    def beside(other: Bucket) -> str | None:
        is_same = isinstance(other, S3Bucket) and other.service == bucket.service and other.url.startswith(whole)
        return other.url[len(whole) :] if is_same else None

    return Export(bucket, RealPace(), beside), place.prefix


def cache_folder() -> Path:
    """The user's cache folder for traintrack; everything in it can be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base or Path.home() / ".cache") / "traintrack"


def cache_limit_bytes(spec: EnvironmentSpec) -> int:
    """How large the cache of what lies in buckets may become: the variable, else the environment's option, else 100 GiB.

    Raises:
        UsageError: the variable is no size.
    """
    text = os.environ.get(CACHE_LIMIT_VARIABLE)
    if not text:
        return parse_size(spec.options.get("cache_limit") or CACHE_LIMIT_BYTES)
    try:
        return parse_size(text)
    except QuantityError as error:
        hint = f"{CACHE_LIMIT_VARIABLE}=100GiB"
        raise UsageError(f"{CACHE_LIMIT_VARIABLE}: {error}", code="bad-variable", hint=hint) from error


def _open_folder(folder: Path) -> OpenStorage:
    from traintrack.storages.local import open_local  # noqa: PLC0415  adapters are loaded late

    local = open_local(folder)
    return OpenStorage(local, local.staging, local.root)


def _open_bucket(spec: EnvironmentSpec, where_none: WhereNone) -> tuple[ObjectStorage, Path]:
    from traintrack.storages.cache.cache import open_cache  # noqa: PLC0415  adapters are loaded late
    from traintrack.storages.objects.store import Opening, open_objects  # noqa: PLC0415
    from traintrack.storages.s3.bucket import S3Bucket  # noqa: PLC0415
    from traintrack.storages.s3.connection import access_of, endpoint_of  # noqa: PLC0415
    from traintrack.storages.s3.probe import demand_conditions  # noqa: PLC0415

    bucket = S3Bucket(spec.storage, spec.options)
    address = f"{endpoint_of(access_of(spec.options)) or ''} {bucket.url}"
    opening = Opening(
        cache_folder() / "stores" / sha256_hex(address.encode())[:32],
        namespace_of(spec),
        _seconds(spec.options.get("heartbeat")),
        where_none,
    )
    cache = open_cache(cache_folder() / "store", cache_limit_bytes(spec))
    return open_objects(bucket, cache, opening, partial(demand_conditions, bucket)), opening.folder


def _vetted(spec: EnvironmentSpec, storage: ObjectStorage) -> Storage:
    """The storage itself for the default namespace; in another no cell is believed without its record."""
    from traintrack.storages.trust.refusals import Refusals  # noqa: PLC0415  adapters are loaded late
    from traintrack.storages.trust.vetted import VettedStorage  # noqa: PLC0415

    if namespace_of(spec) == DEFAULT:
        return storage
    return VettedStorage(storage, Refusals())


def _seconds(duration: str | float | None) -> float | None:
    return None if duration is None else parse_duration(duration)


def _folder(workspace: Workspace, text: str) -> Path:
    path = Path(text).expanduser()
    return path if path.is_absolute() else workspace.root / path
