"""The YAML dialect: bytes of a file → Document. Specified in docs/reference/yaml-dialect.md."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

from traintrack.errors import InputError, Location, raise_all
from traintrack.workspace.document import Document, Node, ParsedFile, document_of, outline_of
from traintrack.workspace.small_file import MAX_BYTES
from traintrack.workspace.yaml_builder import DocumentBuilder, EnoughError
from traintrack.workspace.yaml_errors import explain


def parse_yaml(data: bytes, path: str) -> Document:
    """Read a file of the workspace; `path` is for messages, relative to the root.

    Raises:
        InputError: all that is wrong with the file, each with its place.
    """
    parsed, tree = parse_file(data, path)
    return document_of(path, data, parsed, lambda: tree)


def parse_file(data: bytes, path: str) -> tuple[ParsedFile, Node]:
    """Read a file into plain values and the tree of their places.

    Raises:
        InputError: all that is wrong with the file, each with its place.
    """
    _check_text(data, path)
    builder = DocumentBuilder(path)
    with contextlib.suppress(EnoughError):
        _feed(builder, data, path)
    raise_all(builder.errors)
    parsed = ParsedFile(builder.value, tuple(builder.marks), tuple(builder.long_keys), outline_of(builder.tree))
    return parsed, builder.tree


def _feed(builder: DocumentBuilder, data: bytes, path: str) -> None:
    import yaml  # noqa: PLC0415 - a file known to the parse cache is read without it

    documents = 0
    next_event = _event_source(data)
    try:
        while (event := next_event()) is not None:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                builder.scalar(event)
            elif kind is yaml.MappingStartEvent:
                builder.open(event, is_map=True)
            elif kind is yaml.SequenceStartEvent:
                builder.open(event, is_map=False)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                builder.close()
            elif kind is yaml.AliasEvent:
                builder.alias(event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                _check_document(builder, event, documents, path)
    except yaml.MarkedYAMLError as error:
        builder.errors.append(explain(error, data.decode("utf-8"), path))
    except yaml.YAMLError as error:
        message = "the file is not YAML"
        builder.errors.append(
            InputError(message, code="yaml-syntax", location=Location(path, 1, 1), hint=str(error).splitlines()[0])
        )


def _event_source(data: bytes) -> Callable[[], Any]:
    """The C parser, or the ten times slower one in Python where libyaml is missing."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]  # noqa: PLC0415
    except ImportError:
        from yaml.loader import BaseLoader  # noqa: PLC0415

        source: Callable[[], Any] = BaseLoader(data).get_event
        return source
    next_event: Callable[[], Any] = CParser(data).get_event
    return next_event


def _check_document(builder: DocumentBuilder, event: Any, documents: int, path: str) -> None:
    place = Location(path, event.start_mark.line + 1, event.start_mark.column + 1)
    if documents > 1:
        builder.errors.append(
            InputError(
                "a second document begins here",
                code="yaml-document",
                location=place,
                hint="remove the `---`: a file holds one document",
            )
        )
        raise EnoughError
    if event.version or event.tags:
        builder.errors.append(
            InputError(
                "directives such as `%YAML` are not part of the dialect",
                code="yaml-directive",
                location=Location(path, 1, 1),
                hint="remove the lines that begin with `%`",
            )
        )


# YAML 1.2.2 section 5.1 (c-printable), less what YAML 1.1 takes for a line break and YAML 1.2 does not
# (U+0085, U+2028, U+2029), so that lines are counted as editors count them, and less U+FEFF.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def _check_text(data: bytes, path: str) -> None:
    if len(data) > MAX_BYTES:
        raise InputError(
            f"the file has more than {MAX_BYTES:,} bytes",
            code="yaml-limit",
            location=Location(path, 1, 1),
            hint="split the experiment into several folders",
        )
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            "the file begins with a byte-order mark",
            code="yaml-encoding",
            location=Location(path, 1, 1),
            hint="save it as UTF-8 without byte-order mark",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            code="yaml-encoding",
            location=_place_in(data[: error.start].decode("utf-8"), path),
            hint="save the file as UTF-8",
        ) from error
    raise_all(
        [
            InputError(
                f"character U+{ord(found[0]):04X} cannot stand in a file",
                code="yaml-character",
                location=_place_in(text[: found.start()], path),
                hint=f'write it as `"\\u{ord(found[0]):04x}"`, or remove it',
            )
            for found, _ in zip(_ILLEGAL.finditer(text), range(20), strict=False)
        ]
    )


def _place_in(before: str, path: str) -> Location:
    """The place right after some text, with lines ended by LF, CR LF or CR."""
    lines = re.split("\r\n|\r|\n", before)
    return Location(path, len(lines), len(lines[-1]) + 1)
