"""What external data is: its manifest, the same that a storage would make; read where it lies, or fetched once."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from pathlib import Path

from traintrack.action.manifest import Entry, Manifest
from traintrack.app.environment import cache_folder
from traintrack.digest import ArtifactDigest
from traintrack.errors import HostError, InputError, TaskError
from traintrack.ports.sources import Tell
from traintrack.storages.local.hashing import hash_file
from traintrack.storages.local.scan import scan_output
from traintrack.storages.sources.listing import ListingDigest
from traintrack.storages.sources.opened import Sources, counted
from traintrack.storages.sources.progress import Progress, size_text


def content_of(sources: Sources, uri: str, looks: str | None, tell: Tell) -> ArtifactDigest:
    """Return the artifact digest of a source. What has to be fetched for it stays in the cache for its import.

    `looks` is the listing of what is meant, None for data that is not listed.

    Raises:
        InputError: it is not there, or holds what no artifact can.
        HostError: it cannot be read.
    """
    place = sources.folder(uri)
    if place is not None:
        return scan_source(place).digest()
    return scan_source(download(sources, uri, looks or "", tell)).digest()


def download(sources: Sources, uri: str, looks: str, tell: Tell) -> Path:
    """Return a folder of the cache with the data of a URI, fetched if it is not there as `looks` says.

    Raises:
        InputError: it is not there, or holds what no artifact can.
        HostError: it cannot be read.
    """
    place = downloaded(uri, looks)
    if place.is_dir():
        return place
    part = place.with_name(f"part-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        fetch_to(sources, uri, part, tell)
        try:
            part.rename(place)
        except OSError:
            # Another has brought it meanwhile.
            if not place.is_dir():
                raise
    except OSError as error:
        message = f"`{uri}` cannot be kept in the cache: {(error.strerror or str(error)).lower()}"
        raise HostError(message, code="disk", hint=f"look at the disk: df -h {cache_folder()}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def downloaded(uri: str, looks: str) -> Path:
    """The folder of the cache in which the data of a URI is, if it was fetched."""
    name = hashlib.sha256(f"{uri}\n{looks}".encode()).hexdigest()
    return cache_folder() / "downloads" / name[:32]


def fetch_to(sources: Sources, uri: str, place: Path, tell: Tell) -> str:
    """Fetch all of a source to the new folder `place`, with words on how far it is; return the digest of its listing.

    Raises:
        InputError: it is not there, or holds what no artifact can.
        IntegrityError: it changed meanwhile.
        HostError: it cannot be read.
    """
    listing = ListingDigest()
    entries = list(counted(sources.list(uri), listing))
    files = "1 file" if listing.files == 1 else f"{listing.files:,} files"
    tell(f"fetching {uri}: {files}, {size_text(listing.size_bytes)}")
    sources.fetch(uri, iter(entries), place, Progress(f"fetching {uri}", tell, listing.size_bytes or None))
    return listing.hexdigest()


def scan_source(place: Path) -> Manifest:
    """Return the manifest of a folder, or of a folder that holds just the one file that is named.

    Raises:
        InputError: it is not there, or holds what no artifact can: a device, a link that leaves it.
        HostError: it cannot be read.
    """
    try:
        return scan_output(str(place)) if place.is_dir() else Manifest((_file(place),))
    except FileNotFoundError as error:
        message = f"`{error.filename or place}` is not there"
        raise InputError(message, code="source-missing", hint="correct the path, or bring the data there") from error
    except TaskError as error:
        message = error.message.replace("the output is refused", "the data is refused")
        hint = "leave only files, folders and relative links there"
        raise InputError(message, code="source-refused", hint=hint) from error
    except OSError as error:
        message = f"`{error.filename or place}` cannot be read: {(error.strerror or str(error)).lower()}"
        raise HostError(message, code="source-unreadable", hint="give yourself the right to read it") from error


def _file(place: Path) -> Entry:
    fd = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode):
            message = f"`{place}` is no ordinary file"
            raise InputError(message, code="source-refused", hint="name a file or folder")
        digest, size = hash_file(fd, seen.st_size)
    finally:
        os.close(fd)
    return Entry(place.name, executable=bool(seen.st_mode & stat.S_IXUSR), size=size, digest=digest)
