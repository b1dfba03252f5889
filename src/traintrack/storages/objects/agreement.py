"""Whether what lies in a bucket is what a result promises, as far as names tell: for results that are not believed."""

from __future__ import annotations

from traintrack.action.cell import Result
from traintrack.action.manifest import Manifest
from traintrack.errors import IntegrityError
from traintrack.storages.objects.keys import PLAIN, Keys, digest_of
from traintrack.storages.objects.layout import Placed, plain_folder
from traintrack.storages.objects.layouts import Layouts
from traintrack.storages.objects.store import ObjectStorage


def layout_contradiction(storage: ObjectStorage, result: Result, manifest: Manifest) -> str | None:
    """Say why the layout of a result cannot be that of its files; None if it can. Reads one object.

    Where the bytes are another storage's, its layout is not looked for here. An object that holds one file alone bears
    the digest of it as its name, or the artifact's and the path; bytes are checked when they are read.

    Raises:
        HostError: it cannot be read.
    """
    if result.home and result.home != storage.name:
        return None
    try:
        layout = Layouts(storage.bucket, storage.keys, storage.pace).read(result.layout, manifest)
    except IntegrityError as error:
        return error.message
    other = next((placed for placed in layout.placed(manifest) if _is_of_another(placed, result, storage.keys)), None)
    if other is None:
        return None
    return f"a layout takes `{other.entry.path}` from other bytes, those of `{other.object.key}`"


def _is_of_another(placed: Placed, result: Result, keys: Keys) -> bool:
    key = placed.object.key
    folder = plain_folder(key, keys.data)
    if folder is None:
        return placed.object.size_bytes == placed.entry.size and digest_of(key) != placed.entry.digest
    return not folder.startswith(f"{keys.data}{PLAIN}{result.artifact}.") or key[len(folder) :] != placed.entry.path
