"""How the files of a result lie where there are no folders: it changes no byte, and no ID."""

from __future__ import annotations

from enum import Enum


class Placing(str, Enum):
    """In a bucket: small files in packs and large ones by their digest, or each file under its own name."""

    PACKED = "packed"
    PLAIN = "plain"
