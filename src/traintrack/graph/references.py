"""The references in the arguments of a target: every string that begins with `:`, `//` or `@`, at any depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from traintrack.errors import InputError, Location
from traintrack.label import LabelError, Reference, looks_like_reference, parse_label, parse_reference
from traintrack.workspace.model import KeyPath, Literal, Target


class ArgReference(Struct, frozen=True):
    """A reference as it stands in `args`: `text` at `arg_path`, keys and list indices from the top of `args`."""

    text: str
    arg_path: KeyPath
    reference: Reference

    @property
    def base_text(self) -> str:
        """The text without the sub-path or named output behind it."""
        if self.reference.path is not None:
            return self.text[: -len(self.reference.path) - 1]
        if self.reference.output is not None:
            return self.text[: -len(self.reference.output) - 1]
        return self.text


class NeedReference(Struct, frozen=True):
    """A label in `needs`: `text` at `index`."""

    text: str
    index: int
    reference: Reference


class References(Struct, frozen=True):
    """What a target refers to: `args` in the order of the arguments, `needs` in order, and what was wrong."""

    args: tuple[ArgReference, ...]
    needs: tuple[NeedReference, ...]
    errors: tuple[InputError, ...]


_PLAIN = frozenset({int, float, bool, type(None), Literal})

NO_REFERENCES = References((), (), ())


def read_references(target: Target) -> References:
    """Find every reference of a target. Text marked `!literal` is none; in `unhashed` a reference is an error."""
    spec = target.spec
    texts: list[tuple[KeyPath, str]] = []
    _collect(spec.args, (), texts)
    if not texts and not spec.needs and not spec.unhashed:
        return NO_REFERENCES
    errors: list[InputError] = []
    package = target.label.package
    args: list[ArgReference] = []
    for path, text in texts:
        try:
            args.append(ArgReference(text, path, parse_reference(text, package)))
        except LabelError as error:
            errors.append(_bad_reference(error, target.place_of("args", *path)))
    needs = _needs(target, errors)
    errors.extend(_unhashed_references(target))
    return References(tuple(args), needs, tuple(errors))


def _bad_reference(error: LabelError, place: Location) -> InputError:
    return InputError(
        str(error),
        code="bad-reference",
        location=place,
        hint='a text that begins with `:`, `//` or `@` is a reference; mark other text as `!literal "…"`',
    )


def _needs(target: Target, errors: list[InputError]) -> tuple[NeedReference, ...]:
    found: list[NeedReference] = []
    for index, text in enumerate(target.spec.needs):
        try:
            found.append(NeedReference(text, index, _needed(text, target.label.package)))
        except LabelError as error:
            hint = "write a label such as `:smoke_test` or `//folder:target`"
            place = target.place_of("needs", index)
            errors.append(InputError(str(error), code="bad-reference", location=place, hint=hint))
    return tuple(found)


def _needed(text: str, package: str) -> Reference:
    if not looks_like_reference(text):
        parse_label(text)  # it raises with what is wrong
    reference = parse_reference(text, package)
    if reference.label is None or reference.ref or reference.path is not None or reference.output is not None:
        raise LabelError(f"`{text}` is not a label of a target; `needs` takes no alias, revision or path")
    return reference


def _unhashed_references(target: Target) -> list[InputError]:
    texts: list[tuple[KeyPath, str]] = []
    _collect(target.spec.unhashed, (), texts)
    return [
        InputError(
            f"`{text}` in `unhashed` is a reference, and what it names can change the result",
            code="unhashed-reference",
            location=target.place_of("unhashed", *path),
            hint='move it to `args`, or mark plain text as `!literal "…"`',
        )
        for path, text in texts
    ]


def _collect(value: Any, path: KeyPath, found: list[tuple[KeyPath, str]]) -> None:
    """Append the reference-like strings below `value`; strings are looked at before a path is made for them."""
    if type(value) is dict or isinstance(value, Mapping):
        items: Any = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        return
    for key, item in items:
        kind = type(item)
        if kind is str:
            if item[:1] in ":/@" and looks_like_reference(item):
                found.append(((*path, key), item))
        elif kind not in _PLAIN and isinstance(item, Mapping | list | tuple):
            _collect(item, (*path, key), found)
