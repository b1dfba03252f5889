"""Small files of results that stay readable when the bytes of the artifact are gone: metrics and reports."""

from __future__ import annotations

from traintrack.action.cell import Result
from traintrack.action.manifest import Entry, EntryType, Manifest, read_manifest
from traintrack.digest import ContentDigest, content_digest
from traintrack.errors import IntegrityError, NotFoundError
from traintrack.ports.storage import Storage

MOST_BYTES = 1 << 20
METRICS = ("metrics.json", "metrics.jsonl")
REPORTS = "reports/"


def small_files(manifest: Manifest) -> tuple[Entry, ...]:
    """The files of an artifact that are kept for ever: each under 1 MiB."""
    return tuple(
        entry
        for entry in manifest.entries
        if entry.type is EntryType.FILE
        and entry.size < MOST_BYTES
        and (entry.path in METRICS or entry.path.startswith(REPORTS))
    )


def keep_small_files(storage: Storage, result: Result) -> int:
    """Copy the small files of a result to what is kept for ever, under the digests that its manifest names.

    Returns how many there are; what is damaged already is left out.

    Raises:
        HostError: they cannot be read or written.
    """
    try:
        entries = small_files(storage.artifacts.manifest(result))
    except IntegrityError:
        return 0
    kept = 0
    for entry in entries:
        if storage.artifacts.fetch(result, entry.path) is not None:
            continue
        try:
            data = storage.artifacts.path(result.artifact, entry.path).read_bytes()
        except (NotFoundError, FileNotFoundError):
            continue
        if content_digest(data) == entry.digest:
            storage.kept.put(data)
            kept += 1
    return kept


def read_small_file(storage: Storage, manifest: ContentDigest, path: str) -> bytes | None:
    """Return a small file of a result whose bytes may be gone, by the digest of its manifest; None if it was not kept.

    Raises:
        IntegrityError: the manifest or the file is damaged.
    """
    data = storage.kept.get(manifest)
    if data is None:
        return None
    digests = (entry.digest for entry in small_files(read_manifest(data)) if entry.path == path)
    digest = next(digests, None)
    return None if digest is None else storage.kept.get(digest)
