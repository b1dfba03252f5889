"""Checkpoints that one machine leaves in a bucket and another fetches: `handover/<flight>/<…>/<digest>`, a tar file each."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from blake3 import blake3

from traintrack.errors import HostError
from traintrack.ports.objects import Bucket, UnknownOutcomeError
from traintrack.storages.local.disk_errors import DiskErrors
from traintrack.storages.objects.keys import handover_key
from traintrack.storages.objects.object_file import bring_object
from traintrack.storages.objects.pace import Pace, Patience

MOST_BYTES: Final = 4 << 30
"""A larger checkpoint stays where it is: whoever leaves waits for it to be sent."""

_CHUNK: Final = 1 << 20


class ObjectCheckpoints:
    """Checkpoints in a bucket; `folder` is where this machine packs and unpacks them. Names are `<key>@<digest>`."""

    def __init__(self, bucket: Bucket, pace: Pace, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._bucket, self._pace, self._folder, self._most_bytes = bucket, pace, folder, most_bytes

    def put(self, key: str, source: Path) -> str | None:
        """Pack and send a checkpoint; see `SharedCheckpoints`.

        Raises:
            HostError: it cannot be read, packed or sent.
        """
        with DiskErrors("pack the checkpoint", source):
            if _size_bytes(source) > self._most_bytes:
                return None
            packed = self._new_file()
            try:
                with tarfile.open(packed, "w") as pack:
                    pack.add(source, arcname="checkpoint")
                name = f"{key}@{_digest(packed)}"
                self._send(_key(name), packed)
            finally:
                packed.unlink(missing_ok=True)
        return name

    def fetch(self, found: str, target: Path) -> bool:
        """Bring a checkpoint to `target`, whole or not at all; see `SharedCheckpoints`.

        Raises:
            HostError: it cannot be fetched or written.
        """
        packed = self._new_file()
        unpacked = packed.with_name(f"{packed.name}.d")
        try:
            with DiskErrors("unpack the checkpoint", target):
                if not self._receive(_key(found), packed) or _digest(packed) != found.rpartition("@")[2]:
                    return False
                with tarfile.open(packed) as pack:
                    pack.extractall(unpacked, filter="data")
                os.rename(unpacked / "checkpoint", target)
                return True
        except tarfile.TarError:
            return False
        finally:
            packed.unlink(missing_ok=True)
            shutil.rmtree(unpacked, ignore_errors=True)

    def drop(self, found: str) -> None:
        """Remove a checkpoint; one request, never repeated."""
        with suppress(UnknownOutcomeError, HostError):
            self._bucket.delete(_key(found))

    def _send(self, key: str, packed: Path) -> None:
        patience = Patience(self._pace, f"leave the checkpoint `{key}`")
        while True:
            try:
                self._bucket.put_stream(key, _chunks(packed), packed.stat().st_size)
                return
            except UnknownOutcomeError as error:
                patience.pause(error)

    def _receive(self, key: str, target: Path) -> bool:
        return bring_object(self._bucket, self._pace, f"fetch the checkpoint `{key}`", key, target)

    def _new_file(self) -> Path:
        with DiskErrors("write", self._folder):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder / os.urandom(8).hex()


def _key(found: str) -> str:
    """The key of a checkpoint: its runner's name in one segment, so that nothing of it is taken for a folder."""
    name, _, digest = found.rpartition("@")
    return handover_key(quote(name, safe="~").replace("%", "+"), digest)


def _size_bytes(source: Path) -> int:
    files = [source, *source.rglob("*")] if source.is_dir() else [source]
    return sum(os.lstat(path).st_size for path in files)


def _digest(path: Path) -> str:
    hasher = blake3()
    for chunk in _chunks(path):
        hasher.update(chunk)
    return hasher.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
