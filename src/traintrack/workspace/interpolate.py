"""`${axis}`: the only interpolation there is. Alone it keeps the type of its value, inside text it is formatted.

```
hole = "${" name *( "." field ) "}"          name = an axis, or a parameter of a template
```

`$${` stands for `${` itself. Keys are never changed, and neither is text marked `!literal`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct

from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.model import KeyPath, Literal
from traintrack.workspace.suggest import closest

Make: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""Makes a value from what each name stands for."""

MARK: Final = "${"
TOKEN: Final = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
"""An escape, a hole with what stands in it, or a hole that is never closed."""

_NAME = re.compile(r"(?:[A-Za-z0-9_.+-]+|<[0-9]+>)\Z")


class HoleError(ValueError):
    """A hole cannot be filled; the message says why, `hint` what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Hole(Struct, frozen=True):
    """A name in a text, with the fields of its value that are asked for."""

    name: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return MARK + ".".join((self.name, *self.fields)) + "}"


def first_coordinates(count: int) -> str:
    """A name that nobody can write: the first `count` coordinates of a member, as they stand in its label."""
    return f"<{count}>"


def is_internal(name: str) -> bool:
    """Tell if a name was made by `first_coordinates`."""
    return name.startswith("<")


def has_holes(value: Any) -> bool:
    """Tell if `${` stands in any text of a value, be it escaped."""
    kind = type(value)
    if kind is str:
        return MARK in value
    if kind is dict:
        return any(has_holes(item) for item in value.values())
    if kind is list:
        return any(has_holes(item) for item in value)
    return False


def parts_of(text: str, names: Container[str]) -> list[str | Hole]:
    """Split a text into what stands as it is, with `$${` made plain, and its holes.

    A name may hold points: the longest one that is known counts, the rest are fields.

    Raises:
        HoleError: a hole is spelled wrong.
    """
    parts: list[str | Hole] = []
    at = 0
    for found in TOKEN.finditer(text):
        parts.append(text[at : found.start()])
        at = found.end()
        if found[0] == "$${":
            parts.append(MARK)
        elif found[1] is None:
            raise never_closed()
        else:
            parts.append(hole_of(found[1], names))
    parts.append(text[at:])
    return [part for part in parts if part != ""]


def compiled(value: Any, names: Container[str], path: KeyPath, findings: Findings) -> Make | None:
    """Return what makes a value with its holes filled, None where it has none.

    What is wrong with a hole is noted: its spelling, and a name that is not among `names`.
    """
    kind = type(value)
    if kind is str:
        return _compiled_text(value, names, path, findings) if MARK in value else None
    if kind is dict:
        makes = [(key, compiled(item, names, (*path, key), findings)) for key, item in value.items()]
        return _making_map(value, [(key, make) for key, make in makes if make is not None])
    if kind is list:
        items = [(i, compiled(item, names, (*path, i), findings)) for i, item in enumerate(value)]
        return _making_list(value, [(i, make) for i, make in items if make is not None])
    return None


def text_of(value: Any) -> str:
    """Return a value as it stands inside text.

    Raises:
        HoleError: it is a map, a list or null.
    """
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return repr(value)
    if isinstance(value, Literal):
        return value.text
    what = "null" if value is None else "a map" if isinstance(value, Mapping) else "a list"
    raise HoleError(f"{what} cannot stand inside text", "write the hole alone, or one of its fields: `${axis.field}`")


def texts_in(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Yield every text below a value with its path, in order."""
    if type(value) is str:
        yield path, value
    elif type(value) is dict:
        for key, item in value.items():
            yield from texts_in(item, (*path, key))
    elif type(value) is list:
        for i, item in enumerate(value):
            yield from texts_in(item, (*path, i))


def names_in(value: Any) -> Iterator[str]:
    """The names in the holes of a value, spelled right or wrong, with their fields."""
    kind = type(value)
    if kind is str:
        if MARK in value:
            yield from (found[1] for found in TOKEN.finditer(value) if found[1] is not None)
    elif kind is dict or kind is list:
        for item in value.values() if kind is dict else value:
            yield from names_in(item)


def never_closed() -> HoleError:
    """The error for `${` without its `}`."""
    return HoleError("`${` is never closed", "write `${axis}`, or `$${` for these two characters themselves")


def _no_name(text: str) -> HoleError:
    return HoleError(
        f"`${{{shown(text)}}}` is no name of an axis", "write `${axis}` or `${axis.field}`, or `$${` for text"
    )


def hole_of(text: str, names: Container[str]) -> Hole:
    """Read what stands between `${` and `}`.

    Raises:
        HoleError: it is no name.
    """
    if not _NAME.match(text):
        raise _no_name(text)
    parts = text.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        if name in names and "" not in parts[count:]:
            return Hole(name, tuple(parts[count:]))
    if "" in parts:
        raise _no_name(text)
    return Hole(parts[0], tuple(parts[1:]))


def _compiled_text(text: str, names: Container[str], path: KeyPath, findings: Findings) -> Make | None:
    try:
        parts = parts_of(text, names)
        for part in parts:
            if isinstance(part, Hole) and part.name not in names:
                raise unknown_name(part, names)
    except HoleError as error:
        findings.at_value(path, str(error), "interpolation", error.hint)
        return None
    if len(parts) == 1 and isinstance(parts[0], Hole):
        return _filling(parts[0])
    pattern = "".join(part.replace("%", "%%") if isinstance(part, str) else "%s" for part in parts)
    makes = [_filling(part) for part in parts if isinstance(part, Hole)]
    return lambda env: pattern % tuple([text_of(make(env)) for make in makes])


def _filling(hole: Hole) -> Make:
    name, fields = hole.name, hole.fields
    return (lambda env: field_of(env[name], hole)) if fields else (lambda env: env[name])


def field_of(value: Any, hole: Hole) -> Any:
    """Return the field of a value that a hole asks for, the value itself where it asks for none.

    Raises:
        HoleError: there is no such field.
    """
    for depth, name in enumerate(hole.fields):
        if not isinstance(value, Mapping) or name not in value:
            known = list(value) if isinstance(value, Mapping) else []
            above = Hole(hole.name, hole.fields[:depth])
            near = closest(name, known)
            hint = f"did you mean `{Hole(hole.name, (*hole.fields[:depth], near))}`?" if near else f"write `{above}`"
            raise HoleError(f"`{above}` has no field `{shown(name)}`", hint)
        value = value[name]
    return value


def _making_map(value: dict[str, Any], makes: list[tuple[str, Make]]) -> Make | None:
    if not makes:
        return None

    def make(env: Mapping[str, Any]) -> dict[str, Any]:
        made = value.copy()
        for key, one in makes:
            made[key] = one(env)
        return made

    return make


def _making_list(value: list[Any], makes: list[tuple[int, Make]]) -> Make | None:
    if not makes:
        return None

    def make(env: Mapping[str, Any]) -> list[Any]:
        made = value.copy()
        for i, one in makes:
            made[i] = one(env)
        return made

    return make


def unknown_name(hole: Hole, names: Container[str]) -> HoleError:
    """The error for a hole that nothing fills, with what `names` there are."""
    known = [name for name in names if not is_internal(name)] if isinstance(names, Collection) else []
    near = closest(hole.name, known)
    if near is not None:
        return HoleError(f"nothing here is called `{hole.name}`", f"did you mean `{Hole(near, hole.fields)}`?")
    there = f"there is {', '.join(f'`{name}`' for name in known[:8])}" if known else "there is no axis here"
    return HoleError(f"nothing here is called `{hole.name}`", f"{there}; write `$${{` for the characters `${{`")
