"""Reads stored JSON as a value: whatever the bytes are, they are that value or refused.

msgspec learns a type when it is first decoded, and two threads that let it learn the same one at once crash the process.
So decoders are made one at a time, and kept.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

MAX_DEPTH: Final = 200
"""Levels of open values such as a pre-image. Arguments have 64 at most (yaml_builder.py); deeper ones were never ours."""


_guard = threading.RLock()
_decoders: dict[Any, Any] = {}


def decode_stored(data: bytes, kind: type[T]) -> T:
    """Return the value of some stored bytes.

    Raises:
        msgspec.MsgspecError: they are not JSON of this kind, of all that can be wrong with them.
    """
    try:
        return _decoder_of(kind).decode(data)
    except (RecursionError, UnicodeDecodeError) as error:
        # msgspec lets these two through as they are.
        raise msgspec.DecodeError(str(error)) from error


def _decoder_of(kind: type[T]) -> msgspec.json.Decoder[T]:
    found: msgspec.json.Decoder[T] | None = _decoders.get(kind)
    if found is None:
        with _guard:
            found = _decoders.get(kind) or msgspec.json.Decoder(kind)
            _decoders[kind] = found
    return found


def may_be_too_deep(data: bytes) -> bool:
    """Tell of JSON if its values have to be asked: what opens few lists and objects in all cannot be deep."""
    return data.count(b"[") + data.count(b"{") > MAX_DEPTH


def is_too_deep(*values: Any) -> bool:
    """Tell if one of the values is nested beyond `MAX_DEPTH`, so that walking it could exhaust the stack."""
    level = list(values)
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [item for item in items if isinstance(item, Mapping | list | tuple)]
