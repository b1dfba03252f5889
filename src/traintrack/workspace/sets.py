"""`--set`: fields of targets, changed from the command line for one run.

```
set   = [ pattern "#" ] path "=" value          pattern begins with "//" or ":"
path  = part *( "." part )                      part = name | '"' any text '"'
value = a plain scalar of the YAML dialect | YAML in flow style, if it begins with [ { " ' or !
```

`--set args.lr=1e-4` is for the targets that the command line names, `--set //a/...#args.lr=1e-4` for those of the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from traintrack.errors import InputError, Location, UsageError, raise_all
from traintrack.label import Label, LabelError, Pattern, parse_pattern
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.model import KeyPath, Layer
from traintrack.workspace.target_fields import SHAPE, check_declared
from traintrack.workspace.yaml_scalars import ScalarError, resolve_plain
from traintrack.workspace.yaml_source import parse_yaml

ORIGIN: Final = "--set"
_USE_HINT: Final = "write `use` in TTCONFIG.yaml"
_PART = re.compile(r'"([^"]*)"|([^."=\s]+)')


class SetOption(Struct, frozen=True):
    """One `--set`: `value` for the field at `path`, in the targets of `pattern`, or of the request if it is None.

    `source` is the value as it was written.
    """

    pattern: Pattern | None
    path: tuple[str, ...]
    value: Any
    source: str

    def applies_to(self, label: Label, requested: Sequence[Pattern]) -> bool:
        """Tell if a target is meant; without any patterns in the request, all are."""
        return self.pattern.matches(label) if self.pattern is not None else is_requested(label, requested)


class CommandLinePlaces(Struct, frozen=True):
    """The places of fields that were given on the command line: the option itself."""

    option: str
    source: str | None = None

    def value(self, path: KeyPath) -> Location:  # noqa: ARG002
        """The option."""
        return Location(self.option, 1, 1)

    def key(self, path: KeyPath) -> Location:  # noqa: ARG002
        """The option."""
        return Location(self.option, 1, 1)

    def text(self, path: KeyPath) -> str | None:  # noqa: ARG002
        """The value as it was written."""
        return self.source


def parse_set(text: str, current_package: str = "") -> SetOption:
    """Read one `--set`; a pattern without `//` is relative to `current_package`.

    Raises:
        UsageError: it is not spelled as the module says.
    """
    has_pattern = text.startswith(("//", ":"))
    pattern_text, hash_sign, field = text.partition("#") if has_pattern else ("", "", text)
    path_text, equals, source = field.partition("=")
    path = _path_of(path_text)
    if not equals or not path or (has_pattern and not hash_sign):
        raise UsageError(
            f"`--set {shown(text)}` is not `FIELD=VALUE`",
            hint="write `--set args.lr=1e-4`, or `--set '//a/b:t#args.lr=1e-4'`",
        )
    try:
        pattern = parse_pattern(pattern_text, current_package) if hash_sign else None
    except LabelError as error:
        raise UsageError(str(error), hint="write `--set '//a/b:t#args.lr=1e-4'`") from error
    if pattern is not None and "=" in (pattern.name or "") and path[0] in SHAPE:
        family = f"//{pattern.package}:{(pattern.name or '').partition('@')[0]}"
        message = f"`{path[0]}` says which members there are, and cannot be set for some of them"
        raise UsageError(message, hint=f"write `--set '{family}#{shown(path_text)}=…'`")
    return SetOption(pattern, path, _value_of(source), source)


def set_layer(option: SetOption) -> Layer:
    """Return the option as a checked layer.

    Raises:
        InputError: there is no such field, or it cannot have such a value.
    """
    fields: Any = option.value
    for part in reversed(option.path):
        fields = {part: fields}
    errors: list[InputError] = []
    places = CommandLinePlaces(ORIGIN, option.source)
    kept = check_declared(fields, (), Findings(places, errors), "`--set`", {"use": _USE_HINT})
    raise_all(errors)
    return Layer(ORIGIN, kept, (), places)


def is_requested(label: Label, requested: Sequence[Pattern]) -> bool:
    """Tell if the patterns of a request select a target: the last that matches decides; without any, all are."""
    chosen = not any(not pattern.exclude for pattern in requested)
    for pattern in requested:
        if pattern.matches(label):
            chosen = not pattern.exclude
    return chosen


def _path_of(text: str) -> tuple[str, ...]:
    """Read a path, empty if it is none."""
    parts: list[str] = []
    at = 0
    while True:
        found = _PART.match(text, at)
        if found is None:
            return ()
        parts.append(found[2] if found[1] is None else found[1])
        at = found.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            return ()
        at += 1


def _value_of(source: str) -> Any:
    if source.startswith(("[", "{", '"', "'", "!")):
        try:
            value = parse_yaml(f"value: {source}\n".encode("utf-8", "surrogateescape"), ORIGIN).value["value"]
        except InputError as error:
            raise UsageError(f"the value of `--set` cannot be read: {error.message}", hint=error.hint) from error
        return value
    try:
        return resolve_plain(source)
    except ScalarError as error:
        raise UsageError(str(error), hint=error.hint) from error
