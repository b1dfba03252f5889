"""A parsed YAML file: plain values, and the place and source text of each.

A place is packed as `line << 22 | column`, both from 0; a tree of places mirrors the values:

```
scalar   place, or (place, source text) where the value is not the text itself
list     (place, [node, …])
map      (place, {key: (place of the key, node), …})
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

from msgspec import Struct

from traintrack.errors import Location
from traintrack.workspace.model import KeyPath, Literal

PLACE_BITS: Final = 22

Node: TypeAlias = Any
"""A node of the tree of places, as the module says."""

Outline: TypeAlias = "dict[str, dict[str, int]]"
"""The places of the keys in each map at the top: section → key → place."""


class Remove(Enum):
    """The value of a key marked `!remove`."""

    REMOVE = "!remove"


REMOVE: Final = Remove.REMOVE
"""Takes away what a layer below has at this key."""


class ParsedFile(Struct, frozen=True):
    """What the parser found, of plain values only, so that it can be stored as it is.

    `marks` says where the tags `!literal` (with its text) and `!remove` (None) stood; `value` has None there.
    `long_keys` are paths of keys that are too long for arguments.
    """

    value: Any
    marks: tuple[tuple[KeyPath, str | None], ...]
    long_keys: tuple[KeyPath, ...]
    outline: Outline


class Document(Struct, frozen=True):
    """A file as values: maps, lists, strings, numbers, booleans, None, `Literal` and `REMOVE`.

    `path` is relative to the workspace root. `marks` are the paths of every `Literal` and `REMOVE`. `has_holes` tells
    that `${` may stand in a text.
    """

    path: str
    value: Any
    places: DocumentPlaces
    marks: tuple[KeyPath, ...] = ()
    long_keys: tuple[KeyPath, ...] = ()
    has_holes: bool = False


class DocumentPlaces:
    """The places of a document. The tree is loaded when the first place deeper than the outline is wanted."""

    __slots__ = ("_load", "_outline", "_tree", "path")

    def __init__(self, path: str, outline: Mapping[str, Mapping[str, int]], load: Callable[[], Node]) -> None:
        self.path = path
        self._outline = outline
        self._load: Callable[[], Node] | None = load
        self._tree: Node = None

    def value(self, path: KeyPath) -> Location:
        """The place of the value at `path`, or of the nearest thing above it that has one."""
        node, _ = self._walk(path)
        return self._location(_place(node))

    def key(self, path: KeyPath) -> Location:
        """The place of the key that `path` ends in; for a list item, of the item."""
        if len(path) == 2:
            place = self._outline.get(path[0], {}).get(path[1])  # type: ignore[arg-type]
            if place is not None:
                return Location(self.path, (place >> PLACE_BITS) + 1, (place & _COLUMN) + 1)
        node, key_place = self._walk(path)
        return self._location(_place(node) if key_place is None else key_place)

    def text(self, path: KeyPath) -> str | None:
        """The source text of a plain scalar that was read as a number, a boolean or null; None for all else."""
        node = self._root()
        for part in path:
            node = _child(node, part)
            if node is None:
                return None
        return node[1] if type(node) is tuple and type(node[1]) is str else None

    def _walk(self, path: KeyPath) -> tuple[Node, int | None]:
        """Go down as far as the path leads; the second part is the place of the last key if all of it did."""
        node, key_place = self._root(), None
        for part in path:
            below = _child(node, part)
            if below is None:
                return node, None
            key_place = node[1][part][0] if type(node[1]) is dict else None
            node = below
        return node, key_place

    def _root(self) -> Node:
        if self._load is not None:
            self._tree = self._load()
            self._load = None
        return self._tree

    def _location(self, place: int) -> Location:
        return Location(self.path, (place >> PLACE_BITS) + 1, (place & _COLUMN) + 1)


def document_of(path: str, data: bytes, parsed: ParsedFile, load_places: Callable[[], Node]) -> Document:
    """Return the document of a file's bytes, with the marks put where they stood; takes over `parsed.value`."""
    for where, text in parsed.marks:
        parent = parsed.value
        for part in where[:-1]:
            parent = parent[part]
        parent[where[-1]] = REMOVE if text is None else Literal(text)
    places = DocumentPlaces(path, parsed.outline, load_places)
    marks = tuple(where for where, _ in parsed.marks)
    # An escape such as `"\\x24{"` in double quotes may hide one.
    has_holes = b"${" in data or b"\\" in data
    return Document(path, parsed.value, places, marks, parsed.long_keys, has_holes)


def outline_of(tree: Node) -> Outline:
    """Return the places of the keys in each map at the top of a tree."""
    if type(tree) is not tuple or type(tree[1]) is not dict:
        return {}
    return {
        key: {inner: place for inner, (place, _) in node[1].items()}
        for key, (_, node) in tree[1].items()
        if type(node) is tuple and type(node[1]) is dict
    }


_COLUMN: Final = (1 << PLACE_BITS) - 1


def _place(node: Node) -> int:
    place: int = node if type(node) is int else node[0]
    return place


def _child(node: Node, part: str | int) -> Node | None:
    if type(node) is not tuple:
        return None
    children = node[1]
    if type(children) is dict:
        entry = children.get(part)
        return None if entry is None else entry[1]
    if type(children) is list and type(part) is int and 0 <= part < len(children):
        return children[part]
    return None
