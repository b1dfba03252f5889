"""Where damaged objects of a bucket go: `quarantine/<key>~<word>`, which nothing else reads."""

from __future__ import annotations

import secrets
from typing import Final

from traintrack.ports.verify import Mended
from traintrack.storages.objects.pace import patiently
from traintrack.storages.objects.survey_reading import Reading

QUARANTINE: Final = "quarantine/"


class Quarantine:
    """Copies objects there, and deletes them after that."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def set_aside(self, key: str) -> Mended:
        """Move an object; say what was done.

        Raises:
            HostError: it cannot be copied, and is where it was; or not be deleted.
        """
        target = self.copy(key)
        if target is None:
            return Mended(key, "was gone")
        bucket = self._reading.bucket
        patiently(self._reading.pace, f"remove `{key}`", lambda: bucket.delete(key))
        return Mended(key, f"moved to {target}")

    def copy(self, key: str) -> str | None:
        """Copy an object and return under which key; None if it is gone.

        Raises:
            HostError: it cannot be copied.
        """
        target = f"{QUARANTINE}{key}~{secrets.token_hex(4)}"
        try:
            patiently(self._reading.pace, f"copy `{key}`", lambda: self._reading.bucket.copy(key, target))
        except FileNotFoundError:
            return None
        return target

    def keep(self, key: str, data: bytes) -> str:
        """Put there what was read of an object that is replaced, and return under which key.

        Raises:
            HostError: it cannot be written.
        """
        target = f"{QUARANTINE}{key}~{secrets.token_hex(4)}"
        patiently(self._reading.pace, f"write `{target}`", lambda: self._reading.bucket.put(target, data))
        return target
