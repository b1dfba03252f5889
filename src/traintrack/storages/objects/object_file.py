"""Brings a whole object into a file; what it has to be is for the caller to check."""

from __future__ import annotations

from pathlib import Path

from traintrack.ports.objects import Bucket, UnknownOutcomeError
from traintrack.storages.objects.pace import Pace, Patience


def bring_object(bucket: Bucket, pace: Pace, doing: str, key: str, target: Path) -> bool:
    """Write an object to `target`, from the start after each unclear answer; False if there is no object.

    Raises:
        HostError: there was no clear answer until the deadline.
        OSError: the file cannot be written.
    """
    patience = Patience(pace, doing)
    while True:
        try:
            size = bucket.size_bytes(key)
            if size is None:
                return False
            with open(target, "wb") as file:
                file.writelines(bucket.read(key, 0, size) if size else ())
            return True
        except FileNotFoundError:
            return False
        except UnknownOutcomeError as error:
            patience.pause(error)
