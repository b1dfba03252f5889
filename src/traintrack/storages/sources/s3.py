"""Data in a bucket: listed with the store's own keys, sizes and etags, which reads no byte of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError, InvalidPathError, PreconditionError

from traintrack.errors import HostError, InputError, IntegrityError, TraintrackError
from traintrack.ports.sources import CutError, Reading, SourceEntry
from traintrack.storages.s3.answers import first_line, passes, read_answer, refusal
from traintrack.storages.s3.connection import Access, Tries, open_stores
from traintrack.storages.s3.place import split_uri

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import S3Store

_CHUNK_BYTES: Final = 4 << 20
_BAD_KEY: Final = re.compile(r'Error parsing Path "([^"]*)"')
# Of a whole answer; a larger object is read on from there.
_TRIES: Final = Tries(retries=4, within_s=60.0, timeout_s=300.0)


class S3Reader:
    """Reads buckets with the credentials, region and endpoint of the environment (`AWS_…`), else the default profile."""

    def __init__(self) -> None:
        self._stores: dict[str, S3Store] = {}
        self._lock = threading.Lock()

    def list(self, uri: str) -> Iterator[SourceEntry]:
        """See `SourceReader`. `s3://bucket/key` is that object if there is one, else all below `key/`."""
        bucket, key = split_uri(uri)
        store = self._store(bucket)
        if key and not key.endswith("/"):
            alone = _head(store, uri, key)
            if alone is not None:
                yield _entry(alone, key.rpartition("/")[0])
                return
            key += "/"
        found = False
        for entry in _below(store, uri, key):
            found = True
            yield entry
        if not found:
            hint = f"see what is there: aws s3 ls {uri}"
            raise InputError(f"there is nothing at `{uri}`", code="source-missing", hint=hint)

    def open(self, uri: str, entry: SourceEntry, offset: int) -> Reading:
        """See `SourceReader`."""
        if entry.size_bytes == 0:
            return Reading(0, iter(()))  # Also the marker of a folder without files, which no key gives back.
        bucket, key = split_uri(uri)
        options: GetOptions = {"range": {"offset": offset}} if offset else {}
        if entry.version:
            options["if_match"] = entry.version
        place = _key_of(key, entry.path)
        try:
            got = obstore.get(self._store(bucket), place, options=options)
        except PreconditionError as error:
            message = f"`s3://{bucket}/{place}` is not what it was when it was listed ({entry.version})"
            raise IntegrityError(message, code="source-changed", hint="run again") from error
        except (BaseError, OSError) as error:
            raise _of_error(f"s3://{bucket}/{place}", error) from error
        return Reading(offset, _chunks(got))

    def _store(self, bucket: str) -> S3Store:
        with self._lock:
            if bucket not in self._stores:
                self._stores[bucket] = _open_bucket(bucket)
            return self._stores[bucket]


def _open_bucket(bucket: str) -> S3Store:
    return open_stores(bucket, Access(), _TRIES)[0]


def _head(store: S3Store, uri: str, key: str) -> ObjectMeta | None:
    try:
        return obstore.head(store, key)
    except FileNotFoundError:
        return None
    except (BaseError, OSError, ValueError) as error:
        raise _settled(uri, error) from error


def _below(store: S3Store, uri: str, prefix: str) -> Iterator[SourceEntry]:
    try:
        before: ObjectMeta | None = None
        for chunk in obstore.list(store, prefix=prefix or None):
            for meta in chunk:
                if before is not None and not _marks_folder(before, meta):
                    yield _entry(before, prefix.rstrip("/"))
                before = meta if meta["path"].startswith(prefix) else None
        if before is not None:
            yield _entry(before, prefix.rstrip("/"))
    except (BaseError, OSError, ValueError) as error:
        raise _settled(uri, error) from error


def _marks_folder(meta: ObjectMeta, following: ObjectMeta) -> bool:
    """Tell if an object is the empty marker `folder/` that consoles make; the client takes its slash away."""
    return meta["size"] == 0 and following["path"].startswith(f"{meta['path']}/")


def _entry(meta: ObjectMeta, folder: str) -> SourceEntry:
    path = meta["path"][len(folder) + 1 :] if folder else meta["path"]
    return SourceEntry(path, meta["size"], meta.get("e_tag") or meta.get("version") or "")


def _key_of(key: str, path: str) -> str:
    """The key of a listed path: below a prefix, or the one object that was named."""
    if not key or key.endswith("/"):
        return key + path
    return key if key.rpartition("/")[2] == path else f"{key}/{path}"


def _chunks(got: obstore.GetResult) -> Iterator[bytes]:
    try:
        for chunk in got.stream(min_chunk_size=_CHUNK_BYTES):
            yield bytes(chunk)
    except (BaseError, OSError) as error:
        raise CutError(first_line(error)) from error


def _settled(uri: str, error: Exception) -> TraintrackError:
    """An error of a listing, which the client has tried again by itself."""
    found = _of_error(uri, error)
    if isinstance(found, CutError):
        hint = "look at the network and at AWS_ENDPOINT_URL, and run again"
        return HostError(f"`{uri}` cannot be reached: {found}", code="source-unreachable", hint=hint)
    return found


def _of_error(uri: str, error: Exception) -> TraintrackError | CutError:
    if isinstance(error, InvalidPathError):
        key = _BAD_KEY.search(str(error))
        message = f"the data is refused: the key `{key[1] if key else uri}` is no path that a file may have"
        return InputError(message, code="source-refused", hint="name a prefix that does not hold it")
    answer = read_answer(error)
    if answer.code == "NoSuchBucket":
        return InputError(f"there is no bucket of `{uri}`", code="source-missing", hint="see yours: aws s3 ls")
    refused = refusal(answer, uri, "source")
    if refused is not None:
        return refused
    if answer.status == 404:
        return InputError(f"`{uri}` is not there any more", code="source-missing", hint="run again")
    if passes(answer):
        return CutError(first_line(error))
    return HostError(f"`{uri}`: {first_line(error)}", code="source-unreachable", hint="look at env | grep AWS_")
