"""After a reboot nothing that was noted of files is believed.

What is taken in is not synced to the disk: it can be fetched again. But after a power cut a file may have its size and
times and not its bytes, and then its note would fit. Without notes everything is hashed once more when it is next read.
"""

from __future__ import annotations

import os
import secrets

from traintrack.storages.cache.shelves import PartPlaces
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.local.files import read_file
from traintrack.storages.local.locks import FileLock
from traintrack.storages.local.places import Places
from traintrack.storages.local.processes import boot_id


def distrust_after_reboot(places: Places) -> None:
    """Drop all notes if they were made in another boot of the machine, or of another machine.

    Raises:
        HostError: the cache cannot be written.
    """
    path, now = f"{places.root}/boot", boot_id().encode()
    with DiskErrors("write", places.root):
        if read_file(path) == now:
            return
        with FileLock(f"{places.root}/lock/boot"):
            if read_file(path) == now:
                return
            for kind in (places, PartPlaces(places.root, places.namespace)):
                _drop(os.path.dirname(os.path.dirname(kind.layout("00"))), places.trash)
            temporary = f"{path}.{secrets.token_hex(8)}"
            with open(temporary, "xb") as file:
                file.write(now)
            os.rename(temporary, path)


def _drop(folder: str, trash: str) -> None:
    os.makedirs(trash, exist_ok=True)
    try:
        os.rename(folder, f"{trash}/notes~{secrets.token_hex(8)}")
    except FileNotFoundError:
        return
