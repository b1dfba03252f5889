"""HTTP/1.1 on a socket: heads and bodies of requests in, answers out."""

from __future__ import annotations

import email.utils
import socket
import time
from http import HTTPStatus
from typing import Final

from traintrack.testing.s3_server.content import CHUNK_BYTES
from traintrack.testing.s3_server.request import Head

_MAX_HEAD_BYTES: Final = 64 << 10
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class GoneError(Exception):
    """The other side has left, or speaks no HTTP."""


class Wire:
    """One connection; whatever came beyond what was asked for is kept for the next question."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._rest = b""

    def read_head(self) -> Head | None:
        """Return the next request up to its body; None if there is none any more.

        Raises:
            GoneError: the connection broke inside it.
        """
        while b"\r\n\r\n" not in self._rest:
            more = self._receive(CHUNK_BYTES)
            if not more:
                if self._rest:
                    raise GoneError
                return None
            self._rest += more
            if len(self._rest) > _MAX_HEAD_BYTES + CHUNK_BYTES:
                raise GoneError
        text, _, self._rest = self._rest.partition(b"\r\n\r\n")
        return _parsed(text)

    def take(self, most: int) -> bytes:
        """Return some of the next bytes, at least one and no more than `most`.

        Raises:
            GoneError: there are no more.
        """
        if self._rest:
            taken, self._rest = self._rest[:most], self._rest[most:]
            return taken
        return self._some(most)

    def take_line(self) -> bytes:
        """Return the bytes up to the next end of a line.

        Raises:
            GoneError: there are no more.
        """
        while b"\r\n" not in self._rest:
            if len(self._rest) > _MAX_HEAD_BYTES:
                raise GoneError
            self._rest += self._some(CHUNK_BYTES)
        line, _, self._rest = self._rest.partition(b"\r\n")
        return line

    def ask_for_body(self) -> None:
        """Tell a client that waits for it to send the body."""
        self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def send(self, data: bytes) -> None:
        """Write bytes.

        Raises:
            GoneError: nobody takes them.
        """
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise GoneError from error

    def _some(self, most: int) -> bytes:
        found = self._receive(most)
        if not found:
            raise GoneError
        return found

    def _receive(self, most: int) -> bytes:
        try:
            return self.socket.recv(most)
        except OSError as error:
            raise GoneError from error


def answer_head(status: int, headers: tuple[tuple[str, str], ...], length: int | None) -> bytes:
    """Return the head of an answer; `length` is that of the body, None for answers that have none by rule."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}", f"Date: {http_date(time.time())}"]
    lines += [f"{name}: {word}" for name, word in headers]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def http_date(seconds: float) -> str:
    """Return a time as HTTP writes it."""
    return email.utils.formatdate(seconds, usegmt=True)


def _parsed(text: bytes) -> Head:
    first, *lines = text.decode("latin-1").split("\r\n")
    try:
        method, target, version = first.split(" ")
        headers = {}
        for line in lines:
            name, colon, word = line.partition(":")
            if not colon:
                raise GoneError
            headers[name.lower()] = word.strip()
    except ValueError as error:
        raise GoneError from error
    if not version.startswith("HTTP/1."):
        raise GoneError
    return Head(method, target, headers)
