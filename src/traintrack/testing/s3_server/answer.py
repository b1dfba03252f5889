"""What the server answers, before it is written."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from traintrack.testing.s3_server.content import Content, of_bytes

NOTHING: Final = Content((), 0)


class Answer(Struct, frozen=True, eq=False):
    """`length` is what Content-Length says if that is not the length of `content`, as for HEAD."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    content: Content = NOTHING
    length: int | None = None
    code: str = ""


def xml_answer(document: bytes, status: int = 200) -> Answer:
    """Return a document as an answer."""
    return Answer(status, (("Content-Type", "application/xml"),), of_bytes(document))
