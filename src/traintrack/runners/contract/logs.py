"""The log of a task: its last lines, and masking of secrets so that none is shown or kept."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable
from urllib.parse import quote

TAIL_LINES = 20
MIN_SECRET_LENGTH = 4
"""Shorter values are not masked: a secret `a` would blank every `a` of the log and so betray itself."""

_CHUNK = 1 << 20
_TAIL_BYTES = 1 << 16
_MISSING_MODULE = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'", re.MULTILINE)


class Mask:
    """Replaces known values by as many asterisks, so that offsets into a log stay what they are.

    Besides the values themselves it knows each line of one with several, and their spellings in JSON, URLs
    and base64.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        values = sorted({s for value in secrets for s in _spellings(value)}, key=lambda v: (-len(v), v))
        self._values = tuple(values)
        self.longest = len(values[0]) if values else 0
        self._pattern = re.compile(b"|".join(re.escape(v) for v in values)) if values else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def hide(self, data: bytes) -> bytes:
        """Return `data` with every whole secret in it masked."""
        if self._pattern is None:
            return data
        return self._pattern.sub(lambda match: b"*" * len(match[0]), data)

    def read(self, path: str, offset: int, limit: int = _CHUNK) -> bytes:
        """Return up to `limit` masked bytes of a file from `offset` on, empty if there are no more yet.

        A secret across the borders is masked too: what stands around is read along. As a growing file may
        end amid a secret, its last bytes are held back while they could be the beginning of one.
        """
        around = max(self.longest - 1, 0)
        try:
            with open(path, "rb") as file:
                start = max(offset - around, 0)
                file.seek(start)
                data = file.read(offset - start + limit + around)
        except FileNotFoundError:
            return b""
        masked = self.hide(data)
        end = offset - start + limit
        return masked[offset - start : min(end, len(data) - self._begun(masked))]

    def copy(self, source: str, target: str) -> None:
        """Write the masked content of a finished file to `target`, piece by piece."""
        with open(target, "wb", opener=_private) as sink, open(source, "rb") as file:
            pending = b""
            while chunk := file.read(_CHUNK):
                pending = self.hide(pending + chunk)
                cut = len(pending) - self._begun(pending)
                sink.write(pending[:cut])
                pending = pending[cut:]
            sink.write(pending)

    def _begun(self, data: bytes) -> int:
        """How many bytes at the end could belong to a secret that is not complete yet."""
        for size in range(min(self.longest - 1, len(data)), 0, -1):
            end = data[-size:]
            if any(value.startswith(end) for value in self._values):
                return size
        return 0


def tail(path: str, mask: Mask) -> tuple[str, ...]:
    """Return the last 20 lines of a finished log, masked; bytes that are no UTF-8 are replaced."""
    size = os.path.getsize(path) if os.path.exists(path) else 0
    start = max(size - _TAIL_BYTES, 0)
    if not size:
        return ()
    with open(path, "rb") as file:
        file.seek(max(start - mask.longest, 0))
        data = mask.hide(file.read())
    return tuple(data.decode("utf-8", "replace").splitlines()[-TAIL_LINES:])


def missing_module(lines: Iterable[str]) -> str | None:
    """Return the module that Python looked for in vain, by the last such line; None if there is none."""
    found = _MISSING_MODULE.findall("\n".join(lines))
    return found[-1] if found else None


def _spellings(value: str) -> set[bytes]:
    parts = {part for part in (value, *value.splitlines()) if len(part) >= MIN_SECRET_LENGTH}
    spelled = {form for part in parts for form in (part, part.strip(), json.dumps(part)[1:-1], quote(part, safe=""))}
    raw = {form.encode("utf-8", "surrogateescape") for form in spelled}
    encoded = {base64.b64encode(part.encode("utf-8", "surrogateescape")).rstrip(b"=") for part in parts}
    return {form for form in raw | encoded if len(form) >= MIN_SECRET_LENGTH}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
