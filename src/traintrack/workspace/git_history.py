"""Who changed a line last, for people; nothing of it enters an ID."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from traintrack.workspace.git_process import Git
from traintrack.workspace.source_control import Change

_SHORT = 12


def last_change(git: Git, path: str, line: int) -> Change | None:
    """Ask `git blame` for a line (from 1) of a file, by its path from the top of the working tree.

    None where the line is not committed, or the file has no such line.

    Raises:
        HostError: git is missing or too old.
    """
    if line < 1:
        return None
    answer = git.ask("blame", "--porcelain", "--no-textconv", "-L", f"{line},{line}", "--", path)
    if answer.code != 0:
        return None  # not tracked, or shorter than that: for `why` both mean that git knows nothing
    head, *rest = answer.output.decode("utf-8", "replace").splitlines()
    commit = head.split(" ")[0]
    if not commit.strip("0"):
        return None
    told = dict(row.split(" ", 1) for row in rest if " " in row and not row.startswith("\t"))
    date = _iso(int(told.get("author-time", "0")), told.get("author-tz", "+0000"))
    return Change(commit[:_SHORT], told.get("author", ""), date, told.get("summary", ""))


def _iso(seconds: int, zone: str) -> str:
    """Write git's seconds since 1970 and `±HHMM` in ISO 8601."""
    size = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
    offset = timezone(-size if zone.startswith("-") else size)
    return datetime.fromtimestamp(seconds, offset).isoformat()
