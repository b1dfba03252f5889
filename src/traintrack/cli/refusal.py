"""Tells what a machine refuses from what is a bug of ours: both come up as an `OSError`."""

from __future__ import annotations

import errno
import os

from traintrack.errors import HostError

_REFUSALS = frozenset(
    (
        errno.EACCES,
        errno.EPERM,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EMFILE,
        errno.ENFILE,
        errno.EIO,
        errno.ENOMEM,
        errno.ESTALE,
    )
)
"""What a machine refuses; any other number that comes up here is a bug of ours."""


_NO_TEMPORARY = "No usable temporary directory"


def refusal(error: BaseException) -> HostError | None:
    """Return what the machine refused as an error for people; None if it is a bug."""
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.ENOENT and str(error.strerror).startswith(_NO_TEMPORARY):
        # The standard library tries each folder and keeps none of the reasons.
        return HostError(
            f"no folder for temporary files can be written, neither `{_temporary()}` nor another",
            code="no-temporary-folder",
            hint="make room there, or name a folder that can be written: `export TMPDIR=…`",
        )
    if error.errno not in _REFUSALS:
        return None
    where = f" at `{error.filename}`" if error.filename else ""
    reason = (error.strerror or "the system refused").lower()
    return HostError(f"{reason}{where}", code="system", hint="`traintrack doctor` checks disk, rights and limits")


def _temporary() -> str:
    return os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - what `tempfile` tries first where nothing is named
