"""The canonical form of a value, and the digests: SHA-256 for identity, BLAKE3 for content.

Source: DESIGN 6.1; docs/reference/target-id.md is the specification with vectors.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import NewType, TypeAlias

from blake3 import blake3

TargetId = NewType("TargetId", str)
"""SHA-256 of a target's canonical pre-image: 64 lower-case hex digits."""

ActionKey = NewType("ActionKey", str)
"""SHA-256 of the recipe over its inputs' content digests: 64 lower-case hex digits."""

ContentDigest = NewType("ContentDigest", str)
"""BLAKE3 of some bytes: 64 lower-case hex digits."""

ArtifactDigest = NewType("ArtifactDigest", str)
"""BLAKE3 of a manifest's canonical `files`: 64 lower-case hex digits."""

JsonValue: TypeAlias = "None | bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue]"

_PLAIN_FROM = 1e-4
_PLAIN_BELOW = 1e16
_encode_plain = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
).encode


class NotCanonicalError(ValueError):
    """A value has no canonical form: a NaN, an infinity, a lone surrogate or a key that is not a string."""


def canonical_json(value: JsonValue) -> bytes:
    """Return the one spelling of `value` that is hashed.

    UTF-8, no blanks, keys sorted by code point; integers of any size; floats as shortest round-trip
    digits, plain from 1e-4 up to 1e16 and else as `d.de±XX`, always with a point; `1` and `1.0` differ,
    `-0.0` is `0.0`; no normalisation of text.

    Raises:
        NotCanonicalError: the value has no canonical form.
    """
    try:
        text = _spelled(value) if _needs_care(value) else _encode_plain(value)
        return text.encode("utf-8")
    except (ValueError, TypeError, RecursionError) as error:
        raise NotCanonicalError(str(error)) from error


def float_text(value: float) -> str:
    """Spell a finite float: shortest round-trip digits, always with a point, exponent signed."""
    if value == 0.0:
        return "0.0"
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    if e and "." not in mantissa:
        return f"{mantissa}.0e{exponent}"
    return text


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def target_id(preimage: bytes) -> TargetId:
    """Return the ID of a target from the canonical bytes of its pre-image."""
    return TargetId(hashlib.sha256(preimage).hexdigest())


def content_digest(data: bytes) -> ContentDigest:
    """Return the BLAKE3 of `data` as 64 lower-case hex digits."""
    return ContentDigest(blake3(data).hexdigest())


# The C encoder of the standard library spells floats its own way (`1e-05`). A value with a float that it would
# spell wrong is spelled here; marking floats and letting them travel through it as text is quicker, and was
# given up because a user's text can hold the mark.


def _needs_care(value: JsonValue) -> bool:
    """Tell if the value holds a float that the C encoder would spell wrong, or a key that is not a string."""
    kind = type(value)
    if kind is dict:
        for key, item in value.items():  # type: ignore[union-attr]
            if type(key) is not str:
                raise NotCanonicalError(f"a key is not a string: {key!r}")
            if type(item) in _CONTAINERS_AND_FLOATS and _needs_care(item):
                return True
        return False
    if kind is list or kind is tuple:
        return any(_needs_care(item) for item in value)  # type: ignore[union-attr]
    if kind is float:
        size = abs(value)  # type: ignore[arg-type]
        return not _PLAIN_FROM <= size < _PLAIN_BELOW
    return False


_CONTAINERS_AND_FLOATS = frozenset({dict, list, tuple, float})


def _spelled(value: JsonValue) -> str:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotCanonicalError(f"{value} is not a number that can be hashed")
        return float_text(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_spelled_key(key)}:{_spelled(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_spelled, value)) + "]"
    return _encode_plain(value)


def _spelled_key(key: object) -> str:
    if not isinstance(key, str):
        raise NotCanonicalError(f"a key is not a string: {key!r}")
    return _encode_plain(key)
