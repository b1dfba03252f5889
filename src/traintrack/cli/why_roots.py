"""The causes of a change at their roots: of each one line, wherever it shows, for trees that nobody reads to their end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from traintrack.app.answers import Cause
from traintrack.app.causes import EXPLAINED, GOES_ON
from traintrack.cli.line import Line, faint
from traintrack.cli.quantity import names_text
from traintrack.cli.value_text import short_value
from traintrack.family_name import by_row, row_name

_NAMED = 3
_IN_A_LIST = re.compile(r"(?P<list>.+)\[(?P<name>[^\[\]]*)\]\Z")


class Root(Struct):
    """A difference that comes from no other: in which targets it shows, and as which items of a list, if of one."""

    words: str
    facts: str
    targets: dict[str, None] = field(default_factory=dict)
    items: dict[str, None] = field(default_factory=dict)


def roots_of(label: str, causes: Sequence[Cause]) -> list[Root]:
    """Return the roots of a target's causes, each once, in the order in which they are met."""
    found: dict[tuple[str, ...], Root] = {}
    for target, cause in _leaves(label, causes):
        key, words, item = _told(cause)
        # Items of one list stand in places of their own, and are told at that of the first.
        place = "" if item else str(cause.place)
        facts = "   ".join(str(fact) for fact in (cause.place, cause.change) if fact)
        root = found.setdefault((*key, place), Root(words, facts))
        root.targets.setdefault(target)
        if item:
            root.items.setdefault(item)
    return list(found.values())


def roots_lines(label: str, causes: Sequence[Cause]) -> Iterator[Line]:
    """Yield a line for each root."""
    for root in roots_of(label, causes):
        items = names_text(list(root.items), _NAMED)
        yield ("  ", f"{root.words} {items}   " if items else f"{root.words}   ", faint(root.facts))
        shown = [_counted(name, some) for name, some in by_row(root.targets, str).items()]
        if shown != [label]:
            yield ("    ", faint(f"in {names_text(shown, _NAMED)}"))


def _leaves(label: str, causes: Sequence[Cause]) -> Iterator[tuple[str, Cause]]:
    for cause in causes:
        if cause.causes and cause.input_label:
            yield from _leaves(cause.input_label, cause.causes)
        elif cause.note != EXPLAINED:
            yield label, cause


def _told(cause: Cause) -> tuple[tuple[str, ...], str, str]:
    """What makes two differences one, the words for it, and the item of a list that it is, empty if it is none."""
    found = _IN_A_LIST.match(cause.field)
    name = found["list"] if found is not None else cause.field
    if cause.old_label is not None:
        words = f"{name}  another target: {row_name(cause.old_label)} → {row_name(cause.input_label or '')}"
        return (name, words), words, ""
    if (cause.note or "").endswith(GOES_ON):
        return (name, GOES_ON), f"{name}  changed too, not looked into:", row_name(cause.input_label or "")
    if cause.old is None or cause.new is None:
        what = "new" if cause.old is None else "gone"
        if found is None:
            return (name, what), f"{name}  {_change(cause)}", ""
        return (name, what), f"{name}  {what}:", f"[{found['name']}]"
    if cause.input_label:
        words = f"{name}  {cause.note or 'made again'}"
        return (name, words), words, ""
    return (cause.field, json.dumps([cause.old, cause.new])), f"{cause.field}  {_change(cause)}", ""


def _change(cause: Cause) -> str:
    return f"{short_value(cause.old)} → {short_value(cause.new)}"


def _counted(name: str, members: Sequence[str]) -> str:
    return f"{name} ({len(members)})" if len(members) > 1 else members[0]
