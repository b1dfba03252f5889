"""The shortest way: `run` and `hash` in plain words, answered from what is known, before anything else is imported.

Whatever is not sure here is left to the whole program: an option, a changed file, a cell that is not DONE, an error.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from traintrack.app.known import Known, Request, cache_folder, find_known
from traintrack.app.standing import Standing, find_standing
from traintrack.cli.up_to_date import up_to_date_text
from traintrack.workspace.folders import WORKSPACE

PIPE_CLOSED = 141
"""128 + SIGPIPE, as a shell reports a program whose reader has gone."""


def answer_quickly(command: str, patterns: Sequence[str]) -> int | None:
    """Carry out `run` or `hash` where all is known already; the exit code, or None if it must be looked at in full.

    The patterns are from the current folder, the environment is the default one.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C.
    """
    began_s = time.monotonic()
    if cache_folder() is None or not (_is_plain(sys.stdout) and _is_plain(sys.stderr)):
        return None
    try:
        request = _request(patterns)
        known = None if request is None else find_known(request)
        if request is None or known is None:
            return None
        if command == "hash":
            return _print_ids(known)
        standing = find_standing(known, None) if known.is_pinned or _is_locked() else None
    except (OSError, ValueError):
        return None
    return None if standing is None else _tell(standing, time.monotonic() - began_s)


def _request(patterns: Sequence[str]) -> Request | None:
    start = os.getcwd()
    root = start
    while not os.path.isfile(f"{root}/{WORKSPACE}"):
        above = os.path.dirname(root)
        if above == root:
            return None
        root = above
    real, inside = os.path.realpath(root), os.path.realpath(start)
    if inside != real and not inside.startswith(f"{real}/"):
        return None
    return Request(real, inside[len(real) + 1 :], patterns)


def _print_ids(known: Known) -> int | None:
    answer = known.answer()
    if answer is None:
        return None
    lines = "".join([f"{id_}  {label}\n" for label, id_ in answer.labels.items()])
    try:
        sys.stdout.write(lines)
        sys.stdout.flush()
    except BrokenPipeError:
        return PIPE_CLOSED
    return 0


def _tell(standing: Standing, took_s: float) -> int | None:
    text = up_to_date_text(standing.count, standing.count, took_s, standing.label, standing.folder)
    if not text.isprintable():
        return None
    mark = "✓"
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        from traintrack.cli.line import good, painted  # noqa: PLC0415 - only who looks on pays for colour

        mark = painted((good(mark),))
    try:
        sys.stderr.write(f"{mark}{text}\n")
        sys.stderr.flush()
    except OSError:
        return 0  # A stderr that is gone is no reason to end otherwise.
    return 0


def _is_plain(stream: object) -> bool:
    """Tell if a stream can spell all that may be written here."""
    encoding = getattr(stream, "encoding", None)
    return isinstance(encoding, str) and encoding.lower().replace("-", "") == "utf8"


def _is_locked() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")
