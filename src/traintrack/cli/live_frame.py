"""What is written to a terminal for one frame: history that scrolls away, and a block below it that is redrawn.

After each frame the cursor stands at the first character of the block, not behind it: when a window changes
its size, terminals move the cursor with the text that it stands on, whether they break lines anew or not.
So the next frame finds the block's beginning without knowing how many rows it takes by then. Nothing is
erased before it is overwritten, and a frame is one write, between the marks of a synchronized update
(https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036), which other terminals ignore.
"""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.cli.live_text import columns_of

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
_CLEAR_LINE, _CLEAR_BELOW = "\x1b[K", "\x1b[J"

LEAVE = f"\r{_CLEAR_BELOW}{_SHOW}"
"""Takes the block away, with the cursor where it began, to be seen again."""


def frame(history: str, block: Sequence[str], columns: int) -> str:
    """Return the text that adds history and draws the block, with the cursor at its beginning before and after.

    Args:
        history: whole lines, each with its newline; may be empty.
        block: rows without newline that are narrower than the terminal; empty takes the block away.
        columns: the width of the terminal.
    """
    parts = [
        _BEGIN,
        _HIDE if block else _SHOW,
        "\r",
        *(_history_line(line, columns) for line in history.split("\n")[:-1]),
    ]
    if block:
        # A row that takes more columns than we think must not break, or the way back up is too short.
        parts += [_NO_WRAP, f"{_CLEAR_LINE}\r\n".join(block), _CLEAR_BELOW, _WRAP, "\r"]
        if len(block) > 1:
            parts.append(f"\x1b[{len(block) - 1}A")
    else:
        parts.append(_CLEAR_BELOW)
    return "".join((*parts, _END))


def _history_line(line: str, columns: int) -> str:
    if columns_of(line) < columns:
        return f"{line}{_CLEAR_LINE}\r\n"
    # It breaks: old rows would show through, and to clear behind its last column takes that column on some terminals.
    return f"{_CLEAR_BELOW}{line}\r\n"
