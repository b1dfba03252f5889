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
_ANOTHER = re.compile(r"another target: (?P<old>\S+) → (?P<new>\S+)\Z")


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
        key, words = _told(cause)
        items = _items(cause)
        # Items of one list stand in places of their own, and are told at that of the first.
        place = "" if items else str(cause.place)
        facts = "   ".join(str(fact) for fact in (cause.place, cause.change) if fact)
        root = found.setdefault((*key, place), Root(words, facts))
        root.targets.setdefault(target)
        root.items |= dict.fromkeys(items)
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


def _items(cause: Cause) -> tuple[str, ...]:
    """What is told together: items of a list that came or went, inputs that nobody looked into."""
    if _is_left(cause):
        return (row_name(cause.input_label or ""),)
    item = _IN_A_LIST.match(cause.field) if cause.old is None or cause.new is None else None
    return (f"[{item['name']}]",) if item is not None else ()


def _is_left(cause: Cause) -> bool:
    return (cause.note or "").endswith(GOES_ON)


def _told(cause: Cause) -> tuple[tuple[str, ...], str]:
    """What makes two differences one, and the words for it."""
    item = _IN_A_LIST.match(cause.field)
    name = item["list"] if item is not None else cause.field
    other = _ANOTHER.match(cause.note or "")
    if other is not None:
        words = f"{name}  another target: {row_name(other['old'])} → {row_name(other['new'])}"
        return (name, words), words
    if cause.old is None or cause.new is None:
        what = "new" if cause.old is None else "gone"
        return (name, what), f"{name}  {what}:" if item is not None else f"{name}  {_change(cause)}"
    if _is_left(cause):
        return (name, GOES_ON), f"{name}  changed too, not looked into:"
    if cause.input_label:
        words = f"{name}  {cause.note or 'made again'}"
        return (name, words), words
    return (cause.field, json.dumps([cause.old, cause.new])), f"{cause.field}  {_change(cause)}"


def _change(cause: Cause) -> str:
    return f"{short_value(cause.old)} → {short_value(cause.new)}"


def _counted(name: str, members: Sequence[str]) -> str:
    return f"{name} ({len(members)})" if len(members) > 1 else members[0]
