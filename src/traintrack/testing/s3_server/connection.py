"""One connection of a client: its requests one after the other, until it or a rule ends it."""

from __future__ import annotations

import contextlib
import socket

from traintrack.testing.s3_server.answer import Answer
from traintrack.testing.s3_server.receive import receive
from traintrack.testing.s3_server.reply import Reply, error_answer, reply_to
from traintrack.testing.s3_server.request import Head
from traintrack.testing.s3_server.s3_error import S3Error
from traintrack.testing.s3_server.site import Site
from traintrack.testing.s3_server.wire import GoneError, Wire, answer_head

_AT_ONCE_BYTES = 64 << 10


def serve_connection(site: Site, connection: socket.socket) -> None:
    """Answer all requests of a connection."""
    wire = Wire(connection)
    # Whoever leaves early, we or they, leaves the other to find out.
    with contextlib.suppress(GoneError, OSError):
        while (head := wire.read_head()) is not None and _exchange(site, wire, head):
            pass


def _exchange(site: Site, wire: Wire, head: Head) -> bool:
    """Answer one request, and tell if the connection goes on."""
    reply = _reply(site, wire, head)
    if reply.answer is None:
        return False
    _send(wire, head, reply.answer, reply.keep_bytes)
    return reply.keep_bytes is None and head.headers.get("connection", "").lower() != "close"


def _reply(site: Site, wire: Wire, head: Head) -> Reply:
    """Read the body and carry the request out; when this is over the body is held by nobody but its object."""
    under_way = site.log.begin()
    try:
        return reply_to(site, head, receive(wire, head, site.folder), under_way)
    except S3Error as error:
        # Where the body ends is not known, so nothing that follows it can be read.
        answer = error_answer(head, error.status, error.code, error.message)
        return Reply(answer, answer.content.size_bytes)
    finally:
        site.log.end()


def _send(wire: Wire, head: Head, answer: Answer, keep_bytes: int | None) -> None:
    content = answer.content
    length = None if answer.status in (204, 304) else answer.length
    if length is None and answer.status not in (204, 304):
        length = content.size_bytes
    first = answer_head(answer.status, answer.headers, length)
    if head.method == "HEAD":
        wire.send(first)
        return
    if keep_bytes is not None:
        content = content.part(0, keep_bytes)
    if content.size_bytes <= _AT_ONCE_BYTES:
        wire.send(first + content.read())
        return
    wire.send(first)
    content.send(wire.socket)
