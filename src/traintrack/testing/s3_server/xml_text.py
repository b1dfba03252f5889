"""The little XML that S3 speaks: written by hand, read by a parser."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE: Final = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_CONTROL: Final = re.compile("[\x00-\x1f]")


def text(name: str, content: object) -> str:
    """Return an element that holds words; S3 writes control characters as references, as is done here."""
    escaped = _CONTROL.sub(lambda found: f"&#x{ord(found[0]):x};", escape(str(content), {'"': "&quot;"}))
    return f"<{name}>{escaped}</{name}>"


def element(name: str, inner: Iterable[str]) -> str:
    """Return an element that holds elements."""
    return f"<{name}>{''.join(inner)}</{name}>"


def document(name: str, inner: Iterable[str]) -> bytes:
    """Return a whole answer."""
    return f"{DECLARATION}<{name}{_NAMESPACE}>{''.join(inner)}</{name}>".encode()


def parse(data: bytes, root: str) -> ET.Element:
    """Return the root of a document, its names without their namespaces.

    Raises:
        ValueError: it is no XML, or its root has another name.
    """
    if b"<!" in data:
        raise ValueError("declarations are refused")
    try:
        found = ET.fromstring(data)  # noqa: S314  without declarations there are no entities to expand
    except ET.ParseError as error:
        raise ValueError(str(error)) from error
    for node in found.iter():
        node.tag = node.tag.rpartition("}")[2]
    if found.tag != root:
        raise ValueError(f"{found.tag} instead of {root}")
    return found
