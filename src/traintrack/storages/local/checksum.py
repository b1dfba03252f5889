"""A last field `sum` in JSON files that are not named by their bytes: cells and layout notes (ADR 0007).

It is the BLAKE3 of what the file is for, a zero byte and every byte before the field. So a flipped bit is seen though
the JSON still reads, and a whole file that was moved to another one's place is seen as well.
"""

from __future__ import annotations

import re

from blake3 import blake3

_FIELD = b',"sum":"'
_TAIL = re.compile(rb',"sum":"([0-9a-f]{64})"}\Z')
_TAIL_BYTES = len(_FIELD) + 64 + 2


def with_sum(document: bytes | bytearray, name: str) -> bytes:
    """Return a JSON object, which must not be empty, with its checksum as last field; `name` says what it is for."""
    body = memoryview(document)[:-1]
    return b"".join((body, _FIELD, _sum(body, name), b'"}'))


def has_sum(data: bytes) -> bool:
    """Tell if the bytes end in a checksum, right or wrong."""
    return _TAIL.match(data, max(0, len(data) - _TAIL_BYTES)) is not None


def sum_is_right(data: bytes, name: str) -> bool:
    """Tell if the bytes end in the checksum of all that stands before it, made for `name`."""
    tail = _TAIL.match(data, max(0, len(data) - _TAIL_BYTES))
    return tail is not None and tail[1] == _sum(memoryview(data)[: tail.start()], name)


def _sum(body: memoryview, name: str) -> bytes:
    return blake3(name.encode() + b"\0").update(body).hexdigest().encode()
