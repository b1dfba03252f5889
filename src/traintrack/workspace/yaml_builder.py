"""From parser events to values and places, in one pass that collects errors and goes on."""

from __future__ import annotations

import re
from typing import Any, Final

from traintrack.errors import InputError, Location
from traintrack.workspace.document import PLACE_BITS, Node
from traintrack.workspace.findings import shown
from traintrack.workspace.model import KeyPath
from traintrack.workspace.yaml_scalars import MAY_BE_OTHER_THAN_TEXT, ScalarError, resolve_plain

MAX_DEPTH: Final = 64
MAX_NODES: Final = 200_000
MAX_ARGUMENT_KEY: Final = 256
MAX_ERRORS: Final = 100
"""A broken file is told in at most so many errors."""

_MAX_SPELLED: Final = 1_000
_NEVER_LONG: Final = _MAX_SPELLED // 6
_SIX_CHARACTERS: Final = re.compile('[\x00-\x1f"\\\\\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
"""What is spelled with up to six characters."""


def is_long_key(text: str) -> bool:
    """Tell if some reader of YAML could not find a key of a CONFIG_YAML: simple keys end at 1,024 characters.

    Source: YAML 1.2.2 section 7.4.2. CONFIG_YAML escapes what readers differ about (action/config.py).
    """
    if len(text) <= _NEVER_LONG:
        return False
    return len(text) > MAX_ARGUMENT_KEY or len(text) + 5 * len(_SIX_CHARACTERS.findall(text)) > _MAX_SPELLED


class EnoughError(Exception):
    """Reading on makes no sense; the reason stands in the builder's `errors`."""


class _Frame:
    """An open list or map. `key` is the key that waits for its value; `dropped` values are built for nobody."""

    __slots__ = ("anchor", "deepest", "dropped", "first_node", "is_map", "key", "key_place", "places", "tree", "value")

    def __init__(self, place: int, first_node: int, anchor: str | None, *, is_map: bool) -> None:
        self.is_map = is_map
        self.value: Any = {} if is_map else []
        self.places: Any = {} if is_map else []
        self.tree: Node = (place, self.places)
        self.key: str | None = None
        self.key_place = 0
        self.dropped = False
        self.anchor = anchor
        self.first_node = first_node
        self.deepest = 0


class _Anchored:
    """What an alias stands for; `nodes` counts all below it, aliases followed. `mark` is set for a tagged scalar."""

    __slots__ = ("height", "mark", "nodes", "tree", "value")

    def __init__(self, value: Any, tree: Node, nodes: int, height: int, mark: tuple[str | None] | None) -> None:
        self.value = value
        self.tree = tree
        self.nodes = nodes
        self.height = height
        self.mark = mark


class DocumentBuilder:
    """Takes the events of one document in order; `value` and `tree` hold the result."""

    def __init__(self, path: str) -> None:
        self.errors: list[InputError] = []
        self.marks: list[tuple[KeyPath, str | None]] = []
        self.long_keys: list[KeyPath] = []
        self._path = path
        self._root = _Frame(0, 0, None, is_map=False)
        self._stack = [self._root]
        self._top = self._root
        self._nodes = 0
        self._anchors: dict[str, _Anchored | None] = {}

    @property
    def value(self) -> Any:
        """The value of the document, None if it is empty."""
        return self._root.value[0] if self._root.value else None

    @property
    def tree(self) -> Node:
        """The places of the document."""
        return self._root.places[0] if self._root.places else 0

    def scalar(self, event: Any) -> None:
        """Take a scalar: a key, or a value."""
        self._nodes += 1
        mark = event.start_mark
        if self._nodes > MAX_NODES:
            self._too_many(mark)
        place = mark.line << PLACE_BITS | mark.column
        text: str = event.value
        top = self._top
        if top.is_map and top.key is None:
            self._take_key(event, text, place)
            return
        if event.tag is not None:
            self._tagged(event, text, place)
            return
        value: Any = text
        tree: Node = place
        if event.implicit[0] and (not text or text[0] in MAY_BE_OTHER_THAN_TEXT):
            value = self._resolved(text, mark)
            if value is not text:
                tree = (place, text)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, tree, 1, 0, None)
        self._attach(value, tree)

    def open(self, event: Any, *, is_map: bool) -> None:
        """Take the beginning of a list or map."""
        self._nodes += 1
        mark = event.start_mark
        if self._nodes > MAX_NODES:
            self._too_many(mark)
        top = self._top
        if top.is_map and top.key is None:
            kind = "map" if is_map else "list"
            self._stop(
                f"a key is a {kind}; keys are strings", "yaml-key", mark, "quote text that begins with `{` or `[`"
            )
        if len(self._stack) > MAX_DEPTH:
            self._too_deep(mark)
        if event.tag is not None:
            self._bad_tag(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        place = mark.line << PLACE_BITS | mark.column
        self._top = _Frame(place, self._nodes - 1, event.anchor, is_map=is_map)
        self._stack.append(self._top)

    def close(self) -> None:
        """Take the end of the innermost list or map."""
        done = self._stack.pop()
        self._top = self._stack[-1]
        height = done.deepest + 1
        if done.anchor is not None:
            nodes = self._nodes - done.first_node
            self._anchors[done.anchor] = _Anchored(done.value, done.tree, nodes, height, None)
        self._top.deepest = max(self._top.deepest, height)
        self._attach(done.value, done.tree)

    def alias(self, event: Any) -> None:
        """Take an alias; it counts as all that it stands for."""
        mark = event.start_mark
        name = event.anchor
        if name not in self._anchors:
            self._error(
                f"alias `*{shown(name)}` has no anchor `&{shown(name)}` before it",
                "yaml-alias",
                mark,
                'quote it if text is meant, such as `"*"`',
            )
            self._take_nothing(mark)
            return
        found = self._anchors[name]
        if found is None:
            self._stop(f"anchor `&{shown(name)}` contains itself", "yaml-alias", mark, "write the value out")
        assert found is not None
        self._nodes += found.nodes
        if self._nodes > MAX_NODES:
            self._too_many(mark)
        if len(self._stack) - 1 + found.height > MAX_DEPTH:
            self._too_deep(mark)
        place = mark.line << PLACE_BITS | mark.column
        if self._top.is_map and self._top.key is None:
            self._error("an alias stands as a key", "yaml-key", mark, "write the key out")
            self._begin_value("", place, keep=False)
            return
        if found.mark is not None:
            if found.mark[0] is None and not self._top.is_map:
                self._error("`!remove` stands in a list", "yaml-tag", mark, _REMOVE_HINT)
            self._note_mark(found.mark[0])
        self._top.deepest = max(self._top.deepest, found.height)
        tree = found.tree
        self._attach(found.value, (place, tree[1]) if type(tree) is tuple else place)

    def _attach(self, value: Any, tree: Node) -> None:
        top = self._top
        if not top.is_map:
            top.value.append(value)
            top.places.append(tree)
            return
        if not top.dropped:
            top.value[top.key] = value
            top.places[top.key] = (top.key_place, tree)
        top.key = None

    def _take_key(self, event: Any, text: str, place: int) -> None:
        mark = event.start_mark
        keep = True
        if event.tag is not None:
            self._error(f"tag `{event.tag}` stands at a key", "yaml-tag", mark, "tags belong to values")
        elif event.implicit[0]:
            keep = self._check_plain_key(text, mark)
        first = self._top.places.get(text)
        if first is not None and keep:
            keep = False
            line, column = (first[0] >> PLACE_BITS) + 1, (first[0] & ((1 << PLACE_BITS) - 1)) + 1
            self._error(
                f"key `{shown(text)}` is there twice, first at {line}:{column}",
                "duplicate-key",
                mark,
                "remove or rename one of the two",
            )
        self._begin_value(text, place, keep=keep)
        if is_long_key(text):
            self.long_keys.append(self._here())
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(text, place, 1, 0, None)

    def _begin_value(self, key: str, place: int, *, keep: bool) -> None:
        self._top.key = key
        self._top.key_place = place
        self._top.dropped = not keep

    def _check_plain_key(self, text: str, mark: Any) -> bool:
        if text == "<<":
            self._error(
                "merge keys `<<` are not part of the dialect",
                "yaml-merge-key",
                mark,
                "share fields with `defaults`, or with a template and `use`",
            )
            return False
        if text and text[0] not in MAY_BE_OTHER_THAN_TEXT:
            return True
        value = None if not text else self._resolved(text, mark)
        if isinstance(value, str):
            return True
        kind = _KIND.get(type(value), "null")
        fact = f"key `{shown(text)}` is {kind}; keys are strings" if text else "a key is empty"
        self._error(fact, "yaml-key", mark, f'quote it: `"{shown(text)}"`')
        return True

    def _tagged(self, event: Any, text: str, place: int) -> None:
        mark = event.start_mark
        text_or_none: str | None = text
        if event.tag == "!remove":
            text_or_none = None
            if text or not self._top.is_map:
                what = "has a value" if text else "stands in a list"
                self._error(f"`!remove` {what}", "yaml-tag", mark, _REMOVE_HINT)
        elif event.tag != "!literal":
            self._bad_tag(event)
            self._attach(text, place)
            return
        if len(self._stack) == 1:
            self._error(f"`{event.tag}` stands where the whole file should", "yaml-tag", mark, "remove the tag")
        elif not self.errors:
            self._note_mark(text_or_none)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(None, place, 1, 0, (text_or_none,))
        self._attach(None, place)

    def _note_mark(self, text: str | None) -> None:
        self.marks.append((self._here(), text))

    def _here(self) -> KeyPath:
        """The path of the value that comes next."""
        return tuple(len(f.value) if not f.is_map else f.key or "" for f in self._stack[1:])

    def _take_nothing(self, mark: Any) -> None:
        place = mark.line << PLACE_BITS | mark.column
        if self._top.is_map and self._top.key is None:
            self._begin_value("", place, keep=False)
            return
        self._attach(None, place)

    def _resolved(self, text: str, mark: Any) -> Any:
        try:
            return resolve_plain(text)
        except ScalarError as error:
            self._error(str(error), "yaml-number", mark, error.hint)
            return text

    def _bad_tag(self, event: Any) -> None:
        tag: str = event.tag
        name = f"!!{tag.removeprefix(_STANDARD)}" if tag.startswith(_STANDARD) else tag
        hint = "leave the tag out; quotes make text of a number"
        if tag.startswith(("!remove", "!literal")):
            hint = f"put a blank after `{'!remove' if tag.startswith('!remove') else '!literal'}`"
        self._error(f"tag `{shown(name)}` is not one of `!literal` and `!remove`", "yaml-tag", event.start_mark, hint)

    def _too_many(self, mark: Any) -> None:
        message = f"the file holds more than {MAX_NODES:,} values, aliases followed"
        self._stop(message, "yaml-limit", mark, "split the experiment, or write fewer aliases")

    def _too_deep(self, mark: Any) -> None:
        message = f"values are nested more than {MAX_DEPTH} deep"
        self._stop(message, "yaml-limit", mark, "flatten the value, or move it to a file under `paths`")

    def _stop(self, message: str, code: str, mark: Any, hint: str) -> None:
        self._error(message, code, mark, hint)
        raise EnoughError

    def _error(self, message: str, code: str, mark: Any, hint: str) -> None:
        place = Location(self._path, mark.line + 1, mark.column + 1)
        self.errors.append(InputError(message, code=code, location=place, hint=hint))
        if len(self.errors) >= MAX_ERRORS:
            raise EnoughError


_REMOVE_HINT: Final = "write `key: !remove` alone, to take a key away"
_STANDARD: Final = "tag:yaml.org,2002:"
_KIND: Final = {int: "an integer", float: "a float", bool: "a boolean"}
