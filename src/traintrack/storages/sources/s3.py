"""Data in a bucket: listed with the store's own keys, sizes and etags, which reads no byte of it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from traintrack.errors import HostError, InputError, IntegrityError, TraintrackError
from traintrack.ports.sources import CutError, Reading, SourceEntry

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta

_CHUNK_BYTES: Final = 4 << 20
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_METADATA_SERVICE: Final = ("/latest/api/token", "/latest/meta-data", "169.254.170.2")
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_BAD_KEY: Final = re.compile(r'Error parsing Path "([^"]*)"')
_BUSY: Final = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"})


class S3Reader:
    """Reads buckets with the credentials, region and endpoint of the environment (`AWS_…`)."""

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


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key.

    Raises:
        InputError: it names no bucket.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise InputError(f"`{uri}` names no bucket", code="source-missing", hint="write `s3://BUCKET/PREFIX/`")
    return bucket, key


def _open_bucket(bucket: str) -> S3Store:
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    try:
        return S3Store(
            bucket,
            config={"endpoint": endpoint} if endpoint else None,
            client_options={
                # A server of one's own without TLS is asked for by its address.
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=10),
                # Of a whole answer; a larger object is read on from there.
                "timeout": timedelta(seconds=300),
            },
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
        )
    except BaseError as error:
        message = f"bucket `{bucket}` cannot be opened: {_first_line(error)}"
        raise HostError(message, code="source-denied", hint="look at the variables: env | grep AWS_") from error


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
        raise CutError(_first_line(error)) from error


def _settled(uri: str, error: Exception) -> TraintrackError:
    """An error of a listing, which the client has tried again by itself."""
    found = _of_error(uri, error)
    if isinstance(found, CutError):
        hint = "look at the network and at AWS_ENDPOINT_URL, and run again"
        return HostError(f"`{uri}` cannot be reached: {found}", code="source-unreachable", hint=hint)
    return found


def _of_error(uri: str, error: Exception) -> TraintrackError | CutError:
    text = str(error)
    found = _CODE.search(text)
    code = found[1] if found else ""
    if isinstance(error, InvalidPathError):
        key = _BAD_KEY.search(text)
        message = f"the data is refused: the key `{key[1] if key else uri}` is no path that a file may have"
        return InputError(message, code="source-refused", hint="name a prefix that does not hold it")
    if code == "NoSuchBucket":
        return InputError(f"there is no bucket of `{uri}`", code="source-missing", hint="see yours: aws s3 ls")
    if any(service in text for service in _METADATA_SERVICE):
        hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true for public data"
        return HostError(f"`{uri}`: there are no credentials", code="source-denied", hint=hint)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or re.search(r"status code: 40[13]", text):
        hint = "see who you are: aws sts get-caller-identity"
        return HostError(f"`{uri}`: access is denied{f' ({code})' if code else ''}", code="source-denied", hint=hint)
    if isinstance(error, FileNotFoundError):
        return InputError(f"`{uri}` is not there any more", code="source-missing", hint="run again")
    if "HTTP error" in text or "status code: 5" in text or code in _BUSY:
        return CutError(_first_line(error))
    return HostError(f"`{uri}`: {_first_line(error)}", code="source-unreachable", hint="look at env | grep AWS_")


def _first_line(error: Exception) -> str:
    """What the client says, less its own account of how it came to say so."""
    line = str(error).partition("\n")[0].partition("<?xml")[0].strip()
    return line[-300:].lower() or type(error).__name__
