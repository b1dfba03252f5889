"""Read a log that may still grow."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from traintrack.cli.line import log_lines

POLL_S = 0.5
_CHUNK_BYTES = 1 << 20


def follow(path: Path, is_live: Callable[[], bool], poll_s: float = POLL_S) -> Iterator[list[str]]:
    """Yield the complete lines of a log as they come, until the end of what is there and nothing is live.

    A last line without its end comes when nothing more can follow it. Bytes that are no UTF-8 are replaced.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    with path.open("rb") as file:
        while True:
            # Asked before reading: what is written between the question and the read is read still.
            live = is_live()
            while data := file.read(_CHUNK_BYTES):
                whole, end, rest = (rest + decoder.decode(data)).rpartition("\n")
                if end:
                    yield log_lines(whole + end)
            if not live:
                break
            time.sleep(poll_s)
    rest += decoder.decode(b"", final=True)
    if rest:
        yield log_lines(rest)
