"""Tells what a machine refuses from what is a bug of ours: both come up as an `OSError`."""

from __future__ import annotations

import errno

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


def refusal(error: BaseException) -> HostError | None:
    """Return what the machine refused as an error for people; None if it is a bug."""
    if not isinstance(error, OSError) or error.errno not in _REFUSALS:
        return None
    where = f" at `{error.filename}`" if error.filename else ""
    reason = (error.strerror or "the system refused").lower()
    return HostError(f"{reason}{where}", code="system", hint="`traintrack doctor` checks disk, rights and limits")
