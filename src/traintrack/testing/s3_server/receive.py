"""The body of a request as it arrives: digested on the way, held in memory if it is small and in a file if not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from traintrack.testing.s3_server.content import CHUNK_BYTES, Content, HeldFile, Piece, of_bytes
from traintrack.testing.s3_server.digests import Digests, wanted_digests
from traintrack.testing.s3_server.request import Head
from traintrack.testing.s3_server.s3_error import S3Error
from traintrack.testing.s3_server.wire import GoneError, Wire

MAX_IN_MEMORY_BYTES: Final = 1 << 20
MAX_BODY_BYTES: Final = 5 << 30


class Received(Struct, frozen=True, eq=False):
    """A body with its digests; `headers` are those of the head and what trailed the body."""

    content: Content
    found: Mapping[str, bytes]
    headers: Mapping[str, str]


def receive(wire: Wire, head: Head, folder: str) -> Received:
    """Read the body of a request whole; large ones go to a file in `folder`.

    Raises:
        S3Error: its headers do not fit it; the connection cannot be used any more.
        GoneError: the client left inside it; nothing was received.
    """
    length = _length(head)
    if head.headers.get("expect", "").lower() == "100-continue":
        wire.ask_for_body()
    if not _is_chunked(head.headers):
        return _spooled(_plain(wire, length), length, head.headers, folder)
    size = _number(head.headers.get("x-amz-decoded-content-length", ""))
    trailers: dict[str, str] = {}
    received = _spooled(_chunked(wire, trailers), size, head.headers, folder)
    if received.content.size_bytes != size:
        raise S3Error("IncompleteBody")
    return Received(received.content, received.found, {**head.headers, **trailers})


def _length(head: Head) -> int:
    if "transfer-encoding" in head.headers:
        raise S3Error("NotImplemented")
    told = head.headers.get("content-length")
    if told is None:
        if head.method == "PUT" and "x-amz-copy-source" not in head.headers:
            raise S3Error("MissingContentLength")
        return 0
    length = _number(told)
    if length > MAX_BODY_BYTES:
        raise S3Error("EntityTooLarge")
    return length


def _number(told: str) -> int:
    if not told.isdecimal():
        raise S3Error("InvalidArgument", "A length is no number.")
    return int(told)


def _is_chunked(headers: Mapping[str, str]) -> bool:
    return headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


def _plain(wire: Wire, length: int) -> Iterator[bytes]:
    while length:
        chunk = wire.take(min(length, CHUNK_BYTES))
        length -= len(chunk)
        yield chunk


def _chunked(wire: Wire, trailers: dict[str, str]) -> Iterator[bytes]:
    """The data of `aws-chunked`: each chunk after its length in hexadecimal, then lines `name:value`."""
    while True:
        try:
            size = int(wire.take_line().partition(b";")[0], 16)
        except ValueError as error:
            raise GoneError from error
        if size == 0:
            break
        yield from _plain(wire, size)
        if wire.take_line():
            raise GoneError
    while line := wire.take_line().decode("latin-1"):
        name, _, word = line.partition(":")
        trailers[name.strip().lower()] = word.strip()


def _spooled(chunks: Iterator[bytes], size: int, headers: Mapping[str, str], folder: str) -> Received:
    digests = Digests(wanted_digests(headers))
    if size <= MAX_IN_MEMORY_BYTES:
        data = b"".join(_digested(chunks, digests))
        return Received(of_bytes(data), digests.found(), headers)
    descriptor, path = tempfile.mkstemp(dir=folder, prefix="body-")
    held = HeldFile(path)
    written = 0
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        for chunk in _digested(chunks, digests):
            file.write(chunk)
            written += len(chunk)
    return Received(Content((Piece(written, held),), written), digests.found(), headers)


def _digested(chunks: Iterator[bytes], digests: Digests) -> Iterator[bytes]:
    for chunk in chunks:
        digests.update(chunk)
        yield chunk
