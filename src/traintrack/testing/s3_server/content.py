"""The bytes of objects: small ones in memory, large ones in files, shared by all that have them."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

CHUNK_BYTES: Final = 256 << 10


class HeldFile:
    """A file that goes when nothing refers to it any more; nobody writes to it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self.path)


class Piece(Struct, frozen=True, eq=False):
    """Some bytes, in memory or in a range of a file."""

    size_bytes: int
    data: bytes | HeldFile
    offset: int = 0


class Content(Struct, frozen=True, eq=False):
    """Bytes in order: an object that was uploaded in parts has a piece of each."""

    pieces: tuple[Piece, ...]
    size_bytes: int

    def part(self, start: int, length: int) -> Content:
        """Return a range without copying its bytes."""
        found = []
        end = start + length
        place = 0
        for piece in self.pieces:
            first, last = max(start, place), min(end, place + piece.size_bytes)
            if first < last:
                inside = first - place
                data = piece.data[inside : inside + last - first] if isinstance(piece.data, bytes) else piece.data
                offset = 0 if isinstance(data, bytes) else piece.offset + inside
                found.append(Piece(last - first, data, offset))
            place += piece.size_bytes
        return Content(tuple(found), sum(piece.size_bytes for piece in found))

    def chunks(self) -> Iterator[bytes]:
        """Yield all bytes, in pieces of at most `CHUNK_BYTES` if they lie in a file."""
        for piece in self.pieces:
            if isinstance(piece.data, bytes):
                yield piece.data
                continue
            with open(piece.data.path, "rb") as file:
                file.seek(piece.offset)
                rest = piece.size_bytes
                while rest:
                    chunk = file.read(min(rest, CHUNK_BYTES))
                    rest -= len(chunk)
                    yield chunk

    def read(self) -> bytes:
        """Return all bytes."""
        return b"".join(self.chunks())

    def send(self, to: socket.socket) -> None:
        """Write all bytes to a socket, those of files without reading them."""
        for piece in self.pieces:
            if isinstance(piece.data, bytes):
                to.sendall(piece.data)
                continue
            with open(piece.data.path, "rb") as file:
                to.sendfile(file, piece.offset, piece.size_bytes)


def of_bytes(data: bytes) -> Content:
    """Return bytes as a content."""
    return Content((Piece(len(data), data),) if data else (), len(data))


def joined(contents: Iterable[Content]) -> Content:
    """Return one content after the other as one, without copying."""
    pieces = tuple(piece for content in contents for piece in content.pieces)
    return Content(pieces, sum(piece.size_bytes for piece in pieces))


def flipped(content: Content, at_byte: int) -> Content:
    """Return a content of which one bit is another, in the byte `at_byte` modulo its length."""
    if not content.size_bytes:
        return content
    place = at_byte % content.size_bytes
    wrong = of_bytes(bytes([content.part(place, 1).read()[0] ^ 1]))
    return joined((content.part(0, place), wrong, content.part(place + 1, content.size_bytes)))
