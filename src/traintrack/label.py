"""Labels, references and patterns: the names of targets.

Grammar (DESIGN 4), with `segment` as one or more of `A-Z a-z 0-9 _ . + -`, not `.` and not `..`:

```
package   = [ segment *( "/" segment ) ]
label     = "//" package ":" name | "//" package
name      = segment [ "@" member ]
member    = coordinate *( "," coordinate )           coordinate = segment "=" value | "*" | "."
reference = [ "@" origin ] label-or-local [ "#" output | *( "/" file ) ]
origin    = git ref before "//", or alias `model:stage` alone
pattern   = ["-"] ( [ "//" ] path "/..." | label | package ":*" )
```
"""

from __future__ import annotations

import math
import re

from msgspec import Struct

_SEGMENT = r"(?!\.{1,2}(?![A-Za-z0-9_.+-]))[A-Za-z0-9_.+-]+"
_MEMBER = r"[A-Za-z0-9_.+\-=,*]+"
_PACKAGE = rf"(?:{_SEGMENT}(?:/{_SEGMENT})*)?"
_LABEL = re.compile(rf"//(?P<package>{_PACKAGE})(?::(?P<name>{_SEGMENT})(?:@(?P<member>{_MEMBER}))?)?\Z", re.ASCII)
_REFERENCE = re.compile(
    rf"(?:@(?P<ref>[A-Za-z0-9_.+\-/]*[A-Za-z0-9_.+\-])(?=//))?"
    rf"(?://(?P<package>{_PACKAGE}))?"
    rf"(?::(?P<name>{_SEGMENT})(?:@(?P<member>{_MEMBER}))?)?"
    rf"(?:#(?P<output>{_SEGMENT})|(?P<path>(?:/[^/\x00-\x1f\x7f]+)+))?\Z",
    re.ASCII,
)
_ALIAS = re.compile(
    rf"@(?P<model>{_SEGMENT}):(?P<stage>{_SEGMENT})"
    rf"(?:#(?P<output>{_SEGMENT})|(?P<path>(?:/[^/\x00-\x1f\x7f]+)+))?\Z",
    re.ASCII,
)
_SEGMENT_ONLY = re.compile(rf"{_SEGMENT}\Z", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
_PACKAGE_ONLY = re.compile(rf"{_PACKAGE}\Z", re.ASCII)


_LONGEST_NUMBER = 400
"""Digits of a number; a longer text is compared as it stands."""


class LabelError(ValueError):
    """A text is not a label, reference or pattern; the message says what is wrong with it."""


class Label(Struct, frozen=True, order=True):
    """The absolute name of a target, `//package:name`; `package` is empty at the workspace root.

    `name` of a member holds its coordinates: `train@lr=0.1,depth=18`.
    """

    package: str
    name: str

    def __str__(self) -> str:
        return f"//{self.package}:{self.name}"


class Reference(Struct, frozen=True):
    """A string in `args` that names a target's artifact, or a part of it.

    Exactly one of `label` and `alias` is set. `ref` is a git revision that the label is read at. `member`
    is the selector behind `@` of a family, as written. At most one of `path` (without leading `/`) and
    `output` (a name declared by the task) is set.
    """

    label: Label | None
    ref: str | None = None
    alias: str | None = None
    member: str | None = None
    path: str | None = None
    output: str | None = None


class Pattern(Struct, frozen=True):
    """Selects targets: those of `package` (and of all below it if `recursive`), or the one `name`.

    `name` is None where all targets are meant; that of a family means all members, `train@lr=0.1` or
    `train@lr=0.1,*` those at a coordinate. `exclude` takes away what an earlier pattern selected.
    """

    package: str
    name: str | None = None
    recursive: bool = False
    exclude: bool = False

    def matches(self, label: Label) -> bool:
        """Tell if the label is selected (for an excluding pattern: taken away)."""
        if self.name is not None and not _is_named(self.name, label.name):
            return False
        if label.package == self.package:
            return True
        return self.recursive and (not self.package or label.package.startswith(f"{self.package}/"))

    def __str__(self) -> str:
        sign = "-" if self.exclude else ""
        if self.recursive:
            return f"{sign}//{self.package}/..." if self.package else f"{sign}//..."
        return f"{sign}//{self.package}:{self.name or '*'}"


def same_coordinate(text: str, name: str) -> bool:
    """Tell if a coordinate as somebody wrote it is the one called `name`: `1e-4` is `0.0001`."""
    if text == name:
        return True
    number = _number(text)
    return number is not None and number == _number(name)


def is_segment(text: str) -> bool:
    """Tell if the text can be the name of a target or of a folder in a label."""
    return _SEGMENT_ONLY.match(text) is not None


def is_package(text: str) -> bool:
    """Tell if the text is a package: segments joined by `/`, or empty for the root."""
    return _PACKAGE_ONLY.match(text) is not None


def parse_label(text: str) -> Label:
    """Read an absolute label; `//a/b` is short for `//a/b:b`.

    Raises:
        LabelError: the text is not a label.
    """
    match = _LABEL.match(text)
    if match is None:
        raise LabelError(_what_is_wrong(text))
    package = match["package"]
    name = match["name"] or package.rpartition("/")[2]
    if not name:
        raise LabelError("`//` names no target; write `//:name`")
    member = match["member"]
    return Label(package, f"{name}@{member}" if member else name)


def looks_like_reference(text: str) -> bool:
    """Tell if a string in `args` must be a reference: it begins with `:`, `//` or `@`."""
    return text.startswith((":", "//", "@"))


def parse_reference(text: str, package: str) -> Reference:
    """Read a reference as it stands in the `args` of a target of `package`.

    Raises:
        LabelError: the text looks like a reference and is none.
    """
    alias = _ALIAS.match(text)
    if alias is not None:
        return Reference(
            None,
            alias=f"{alias['model']}:{alias['stage']}",
            path=_sub_path(alias["path"]),
            output=alias["output"],
        )
    match = _REFERENCE.match(text)
    if match is None or (match["package"] is None and match["name"] is None):
        raise LabelError(_what_is_wrong(text))
    if match["ref"] is not None and match["package"] is None:
        raise LabelError("a label at a revision is absolute: `@main//a/b:t`")
    where = package if match["package"] is None else match["package"]
    name = match["name"] or where.rpartition("/")[2]
    if not name:
        raise LabelError("`//` names no target; write `//:name`")
    return Reference(
        Label(where, name),
        ref=match["ref"],
        member=match["member"],
        path=_sub_path(match["path"]),
        output=match["output"],
    )


def parse_pattern(text: str, current_package: str) -> Pattern:
    """Read a pattern of the command line; without `//` it is relative to `current_package`.

    Raises:
        LabelError: the text is not a pattern.
    """
    body = text.removeprefix("-")
    exclude = body != text
    absolute = body.startswith("//")
    rest = body.removeprefix("//") if absolute else body
    prefix = "" if absolute else current_package

    def inside(tail: str) -> str:
        return "/".join(part for part in (prefix, tail) if part)

    if rest == "..." or rest.endswith("/..."):
        package = inside(rest.removesuffix("...").rstrip("/"))
        if is_package(package):
            return Pattern(package, recursive=True, exclude=exclude)
        raise LabelError(_what_is_wrong(text))
    if rest.endswith((":*", ":all")) and is_package(inside(rest.rpartition(":")[0])):
        return Pattern(inside(rest.rpartition(":")[0]), exclude=exclude)
    folder, colon, name = rest.partition(":")
    spelled = f"//{inside(folder)}:{name}" if colon else f"//{inside(folder)}"
    label = parse_label(spelled)
    return Pattern(label.package, label.name, exclude=exclude)


def _number(text: str) -> int | float | None:
    """The number that a text is; integers of any size stay apart, as no float could keep them."""
    if len(text) > _LONGEST_NUMBER or not _NUMBER.match(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None


def _is_named(wanted: str, name: str) -> bool:
    """Tell if the name of a target, or of a member, is the one wanted or among those."""
    family, _, selector = wanted.partition("@")
    own, _, member = name.partition("@")
    if wanted == name or not selector or family != own:
        return wanted in (name, own)
    coordinates = dict(item.partition("=")[::2] for item in member.split(","))
    items = (item.partition("=")[::2] for item in selector.split(",") if item != "*")
    return all(axis in coordinates and same_coordinate(value, coordinates[axis]) for axis, value in items)


def _sub_path(path: str | None) -> str | None:
    if path is None:
        return None
    parts = path[1:].split("/")
    if "." in parts or ".." in parts:
        raise LabelError("a path into an artifact has no `.` and no `..`")
    return "/".join(parts)


def _what_is_wrong(text: str) -> str:
    if not text.startswith(("//", ":", "@", "-")):
        return f"`{_shown(text)}` is not a label: labels begin with `//` or `:`"
    if "\\" in text:
        return f"`{_shown(text)}` is not a label: folders are separated by `/`"
    if any(part in (".", "..") for part in re.split(r"[/:]", text)):
        return f"`{_shown(text)}` is not a label: it has no `.` and no `..`"
    bad = re.search(r"[^A-Za-z0-9_.+\-/:@#=,*]", text)
    if bad:
        return f"`{_shown(text)}` is not a label: `{_shown(bad[0])}` cannot stand in one"
    if text.endswith("/") or "///" in text:
        return f"`{_shown(text)}` is not a label: a folder between two `/` is empty"
    return f"`{_shown(text)}` is not a label: it is spelled `//folder:target` or `:target`"


def _shown(text: str) -> str:
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return printable if len(printable) <= 60 else f"{printable[:57]}..."
