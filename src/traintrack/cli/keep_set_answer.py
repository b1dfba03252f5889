"""The edits that keep what `--set` said, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from traintrack.app.keep_set import KeptEdit, SharedLine
from traintrack.cli.call import JsonValue
from traintrack.cli.line import Line, faint, strong
from traintrack.cli.quantity import count_text

MOST_PLACES = 5
_LONGEST = 80


def edit_lines(edits: Sequence[KeptEdit]) -> Iterator[Line]:
    """Return the lines that tell the edits, set by set; of each at most `MOST_PLACES` places."""
    for text, group in groupby(edits, key=lambda edit: edit.set):
        found = list(group)
        yield (f"to keep --set {text}, edit",)
        for edit in found[:MOST_PLACES]:
            yield _edit_line(edit)
            if edit.shared is not None:
                yield ("    ", faint(_shared_text(edit.shared)))
        if len(found) > MOST_PLACES:
            yield (faint(f"  and {count_text(len(found) - MOST_PLACES, 'more place')}"),)


def edit_fields(edits: Sequence[KeptEdit]) -> list[JsonValue]:
    """Return the edits as JSON."""
    return [
        {
            "set": edit.set,
            "label": str(edit.label),
            "path": edit.place.path,
            "line": edit.place.line,
            "old": edit.old,
            "new": edit.new,
            "into": list(edit.into),
            "shared_by": edit.shared.targets if edit.shared is not None else 0,
        }
        for edit in edits
    ]


def _edit_line(edit: KeptEdit) -> Line:
    where = f"  {edit.place.path}:{edit.place.line}"
    if edit.old is not None:
        return (where, f"   {_short(edit.old)}  →  ", strong(edit.new))
    into = f", below `{edit.into[-1]}` add   " if edit.into else ", add   "
    return (where, into, strong(edit.new))


def _shared_text(shared: SharedLine) -> str:
    who = "every experiment" if shared.everyone else count_text(shared.targets, "target")
    return f"`{_short(shared.text)}` at {shared.place.path}:{shared.place.line} is shared by {who}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
