"""Turns what the operating system says into errors that name the path and the way out."""

from __future__ import annotations

import errno
import os
from types import TracebackType

from traintrack.errors import HostError

_CODES = {
    errno.ENOSPC: ("disk-full", "free some space there, e.g. with `traintrack clean`, then run again"),
    errno.EDQUOT: ("disk-full", "your quota there is used up: free some space, then run again"),
    errno.EACCES: ("no-permission", "give yourself the right to read and write there, or name another `storage`"),
    errno.EPERM: ("no-permission", "give yourself the right to read and write there, or name another `storage`"),
    errno.EROFS: ("read-only", "mount it writable, or name another folder as `storage`"),
    errno.EMFILE: ("too-many-files", "raise the limit with `ulimit -n 4096`, then run again"),
    errno.ENFILE: ("too-many-files", "the whole machine has too many open files: close some, then run again"),
    errno.ENOTDIR: ("not-a-folder", "a file stands where a folder should: move it away, or name another `storage`"),
    errno.EIO: ("disk-error", "the disk or its cable may be failing: look at `dmesg`, and save what you have"),
}
_OTHER = ("disk-error", "see that the disk is there and healthy, then run again")


class DiskErrors:
    """Inside this context every `OSError` becomes a `HostError` that says what was done to which path."""

    __slots__ = ("_doing", "_path")

    def __init__(self, doing: str, path: str | os.PathLike[str]) -> None:
        self._doing = doing
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise host_error(error, self._doing, self._path) from error


def host_error(error: OSError, doing: str, path: str | os.PathLike[str]) -> HostError:
    """Say that `doing` (a verb such as `write`) failed; a name inside a folder is told with the folder."""
    code, hint = _CODES.get(error.errno or 0, _OTHER)
    why = (os.strerror(error.errno) if error.errno else str(error)).lower()
    return HostError(f"cannot {doing} `{_full(error, path)}`: {why}", code=code, hint=hint)


def _full(error: OSError, path: str | os.PathLike[str]) -> str:
    named = error.filename
    if not isinstance(named, str | bytes) or not named:
        return os.fspath(path)
    return os.path.join(os.fspath(path), os.fsdecode(named))
