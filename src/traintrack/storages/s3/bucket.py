"""A bucket of S3, or of what speaks its protocol, as the port `Bucket`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.exceptions import BaseError, InvalidPathError

from traintrack.errors import HostError, InternalError
from traintrack.ports.objects import Etag, Got, Listed, PreconditionFailedError, UnknownOutcomeError
from traintrack.storages.s3.answers import asks_machine, first_line, outcome_of, read_answer
from traintrack.storages.s3.connection import ONCE, READS, WRITES, access_of, endpoint_of, open_stores
from traintrack.storages.s3.place import place_of
from traintrack.storages.s3.streams import CHUNK_BYTES, PART_BYTES, Promised, exactly, part_size, parts_in_flight

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode, PutResult
    from obstore.store import S3Store

T = TypeVar("T")

_PAGE = 1000
_TOO_LARGE_TO_COPY = frozenset({"InvalidRequest", "EntityTooLarge"})


class S3Bucket:
    """The objects below `s3://bucket/prefix`; may be used by many threads at once.

    `options` are those of an environment in TTWORKSPACE.yaml: `endpoint`, `region`, `profile`. What they leave open
    is said by the variables `AWS_…`. Opening one sends the store nothing.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self._place, access = place_of(url), access_of(options or {})
        self.service = endpoint_of(access)
        stores = open_stores(self._place.bucket, access, ONCE, READS, WRITES)
        self._once, self._reads, self._writes = stores
        self._answered = False

    @property
    def url(self) -> str:
        """What keys are appended to, with a `/` at its end."""
        return self._place.url

    def get(self, key: str) -> Got | None:
        """Return an object."""

        def request() -> Got:
            got = obstore.get(self._reads, self._path(key))
            data = bytes(got.bytes())
            if len(data) != got.meta["size"]:
                raise UnknownOutcomeError(f"{self.url}{key}: {len(data)} bytes came in place of {got.meta['size']}")
            return Got(data, self._etag(key, got.meta))

        try:
            return self._ask(key, request)
        except FileNotFoundError:
            self._answered = True
            return None

    def size_bytes(self, key: str) -> int | None:
        """Return the size of an object."""
        try:
            return self._ask(key, lambda: obstore.head(self._reads, self._path(key))["size"])
        except FileNotFoundError:
            if self._answered:
                return None
        # An answer without a body does not tell a missing object from a missing bucket: this one does.
        got = self.get(key)
        return None if got is None else len(got.data)

    def put(self, key: str, data: bytes) -> None:
        """Write without a condition."""
        self._write(key, lambda: self._send(self._writes, key, data, "overwrite"))

    def put_if_absent(self, key: str, data: bytes) -> Etag:
        """Write if there is nothing."""
        return self._etag(key, self._write(key, lambda: self._send(self._once, key, data, "create")))

    def put_if_match(self, key: str, data: bytes, etag: Etag) -> Etag:
        """Write if it is the one that was read."""
        try:
            sent = self._ask(key, lambda: self._send(self._once, key, data, {"e_tag": etag}))
        except FileNotFoundError as error:
            raise PreconditionFailedError(f"{self.url}{key}") from error
        return self._etag(key, sent)

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`."""
        return (entry.key for entry in self.entries(prefix))

    def delete(self, key: str) -> None:
        """Remove an object."""
        try:
            self._ask(key, lambda: obstore.delete(self._writes, self._path(key)))
        except FileNotFoundError:
            return

    def put_stream(self, key: str, chunks: Iterable[bytes], size_bytes: int) -> None:
        """Write an object in parts of 8 MiB or more, a few of them at once; what was begun and failed is taken back.

        Raises:
            UnknownOutcomeError: no clear answer; `chunks` is used up.
            InternalError: the chunks are not of `size_bytes`; nothing was written.

        What `chunks` raise is passed on as it is.
        """
        promised = Promised(chunks, size_bytes, key)
        if size_bytes <= PART_BYTES:
            self.put(key, b"".join(promised))
            return
        length, path = part_size(size_bytes), self._path(key)
        at_once = parts_in_flight(length)
        try:
            self._write(
                key, lambda: obstore.put(self._writes, path, promised, chunk_size=length, max_concurrency=at_once)
            )
        except Exception:
            if promised.failed is not None:
                raise promised.failed from None
            raise

    def read(self, key: str, start: int, length: int) -> Iterator[bytes | memoryview]:
        """Yield `length` bytes from `start` on, in chunks of about 8 MiB.

        Raises:
            FileNotFoundError: there is no such object.
            UnknownOutcomeError: no clear answer, or other than `length` bytes.
        """
        if not length:
            if self.size_bytes(key) is None:
                raise FileNotFoundError(f"{self.url}{key}")
            return iter(())
        span = (start, start + length)
        got = self._ask(key, lambda: obstore.get(self._reads, self._path(key), options={"range": span}))
        return exactly(self._chunks(key, got), length, f"{self.url}{key}")

    def copy(self, source: str, target: str) -> None:
        """Copy inside the store; what the store does not copy at once, as it is too large, goes through here.

        Raises:
            FileNotFoundError: there is no such object.
            UnknownOutcomeError: no clear answer.
        """
        try:
            self._ask(source, lambda: obstore.copy(self._writes, self._path(source), self._path(target)))
        except HostError as error:
            if error.__cause__ is None or read_answer(error.__cause__).code not in _TOO_LARGE_TO_COPY:
                raise
            size = self.size_bytes(source)
            if size is None:
                raise FileNotFoundError(f"{self.url}{source}") from error
            self.put_stream(target, map(bytes, self.read(source, 0, size)), size)

    def entries(self, prefix: str) -> Iterator[Listed]:
        """The objects that begin with `prefix`; a thousand per request.

        Raises:
            HostError: there is a key that no store of traintrack has.
        """
        asked = self._place.prefix + prefix
        folder, _, rest = asked.rpartition("/")
        # The client knows only whole folders: it begins just before the first key, and ends with the last.
        offset = _just_before(asked) if rest else None
        pages = iter(obstore.list(self._reads, prefix=folder or None, offset=offset, chunk_size=_PAGE))
        while page := self._ask(prefix, lambda: next(pages, None)):
            for meta in page:
                path = meta["path"]
                if path.startswith(asked):
                    modified = meta["last_modified"].astimezone(UTC).isoformat()
                    yield Listed(path[len(self._place.prefix) :], meta["size"], modified)
                elif rest and path > asked:
                    return

    def _chunks(self, key: str, got: obstore.GetResult) -> Iterator[memoryview]:
        stream = iter(got.stream(min_chunk_size=CHUNK_BYTES))
        while (chunk := self._ask(key, lambda: next(stream, None))) is not None:
            yield memoryview(chunk)

    def _send(self, store: S3Store, key: str, data: bytes, mode: PutMode) -> PutResult:
        return obstore.put(store, self._path(key), data, mode=mode, use_multipart=False)

    def _write(self, key: str, request: Callable[[], T]) -> T:
        try:
            return self._ask(key, request)
        except FileNotFoundError as error:
            hint = "look at the endpoint and at the name of the bucket: aws s3 ls"
            raise HostError(f"there is no bucket of `{self.url}`", code="storage-missing", hint=hint) from error

    def _ask(self, key: str, request: Callable[[], T]) -> T:
        """Make a request and raise what its answer means."""
        try:
            answer = request()
        except InvalidPathError as error:
            message = f"`{self.url}` holds a key that no store of traintrack has: {str(error).partition(chr(10))[0]}"
            raise HostError(message, code="storage-foreign", hint="give the storage a prefix of its own") from error
        except (BaseError, OSError) as error:
            if self._answered and asks_machine(read_answer(error)):
                # It gave credentials before: it is busy.
                raise UnknownOutcomeError(f"{self.url}{key}: {first_line(error)}") from error
            raise outcome_of(error, f"{self.url}{key}") from error
        self._answered = True
        return answer

    def _path(self, key: str) -> str:
        if not key or any(part in {"", ".", ".."} for part in key.split("/")) or any(c < " " for c in key):
            raise InternalError(f"`{key!r}` is no key of a bucket", code="bucket-key")
        return self._place.prefix + key

    def _etag(self, key: str, answer: ObjectMeta | PutResult) -> Etag:
        etag = answer["e_tag"]
        if not etag:
            hint = "use a store that keeps `If-None-Match` and `If-Match`, such as S3 itself"
            raise HostError(f"`{self.url}{key}`: the store gives no etags", code="no-conditions", hint=hint)
        return Etag(etag)


def _just_before(key: str) -> str:
    """A key that sorts before `key` and all that begin with it, with next to nothing between."""
    return key[:-1] + chr(ord(key[-1]) - 1) + "\U0010fffd"
