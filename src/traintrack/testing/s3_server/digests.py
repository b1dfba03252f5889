"""The digests that a body may be sent with, computed while it arrives."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from traintrack.testing.s3_server.crc import Crc32c, Crc64Nvme
from traintrack.testing.s3_server.s3_error import S3Error

CHECKSUM: Final = "x-amz-checksum-"


class Running(Protocol):
    """A digest as `hashlib` has them."""

    def update(self, data: bytes, /) -> object:
        """Take bytes in."""

    def digest(self) -> bytes:
        """Return the digest of what was taken in."""


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _md5() -> Running:
    return hashlib.md5(usedforsecurity=False)


def _sha1() -> Running:
    return hashlib.sha1(usedforsecurity=False)


_MAKERS: Final[Mapping[str, Callable[[], Running]]] = {
    "md5": _md5,
    "sha1": _sha1,
    "sha256": hashlib.sha256,
    "crc32": _Crc32,
    "crc32c": Crc32c,
    "crc64nvme": Crc64Nvme,
}
ALGORITHMS: Final = frozenset(_MAKERS) - {"md5"}
"""Those of the headers `x-amz-checksum-…`."""


class Digests:
    """Several digests of the same bytes; always MD5, which S3's etags are made of."""

    def __init__(self, names: Iterable[str]) -> None:
        self._running = {name: _MAKERS[name]() for name in {"md5", *names}}

    def update(self, data: bytes) -> None:
        """Take bytes in."""
        for running in self._running.values():
            running.update(data)

    def found(self) -> dict[str, bytes]:
        """Return the digests by their names."""
        return {name: running.digest() for name, running in self._running.items()}


def wanted_digests(headers: Mapping[str, str]) -> set[str]:
    """Return the names of the digests that must be computed to check a body that has these headers."""
    names = {name for name in ALGORITHMS if CHECKSUM + name in headers}
    trailers = headers.get("x-amz-trailer", "").lower().replace(" ", "").split(",")
    names |= {trailer[len(CHECKSUM) :] for trailer in trailers if trailer.startswith(CHECKSUM)} & ALGORITHMS
    if len(headers.get("x-amz-content-sha256", "")) == 64:
        names.add("sha256")
    return names


def check_digests(headers: Mapping[str, str], found: Mapping[str, bytes]) -> None:
    """Compare what headers and trailers say of a body with what arrived.

    Raises:
        S3Error: a digest is another, or is none.
    """
    told = headers.get("content-md5")
    if told is not None and _decoded(told, "InvalidDigest", 16) != found["md5"]:
        raise S3Error("BadDigest")
    whole = headers.get("x-amz-content-sha256", "")
    if len(whole) == 64 and whole != found["sha256"].hex():
        raise S3Error("XAmzContentSHA256Mismatch")
    for name in ALGORITHMS:
        told = headers.get(CHECKSUM + name)
        if told is not None and _decoded(told, "InvalidRequest", len(found[name])) != found[name]:
            raise S3Error("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")


def told_checksums(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the checksum headers of an upload, which S3 keeps with the object."""
    return tuple(
        (CHECKSUM + name, headers[CHECKSUM + name]) for name in sorted(ALGORITHMS) if CHECKSUM + name in headers
    )


def _decoded(told: str, code: str, size: int) -> bytes:
    try:
        data = base64.b64decode(told, validate=True)
    except ValueError as error:
        raise S3Error(code) from error
    if len(data) != size:
        raise S3Error(code)
    return data
