"""TTLOCK.yaml: read with the place of every error, written in one order so that a change is a small diff."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from traintrack.errors import HostError, InputError, raise_all
from traintrack.label import is_segment, looks_like_reference
from traintrack.workspace import checks
from traintrack.workspace.checks import Check
from traintrack.workspace.document import Document
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.model import Frozen, KeyPath, Lock, SourcePin
from traintrack.workspace.small_file import read_small
from traintrack.workspace.yaml_scalars import resolve_plain
from traintrack.workspace.yaml_source import parse_yaml

LOCK_FILE: Final = "TTLOCK.yaml"
FORMAT: Final = "traintrack.lock/1"
HEADER: Final = """\
# Written by `traintrack lock`, reviewed like code: what the IDs of this experiment need and git does not say.
# To move a pin, use `traintrack lock --update PATTERN`: it lists first whose IDs change.
"""

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_IMAGE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_OBJECT = re.compile(r"(?:(?:040000|100644|100755|120000|160000):)?(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+-]*\Z", re.ASCII)
_MAX_SIMPLE_KEY: Final = 1_000
"""YAML 1.2.2 section 7.4.2 ends implicit keys at 1,024 characters; longer ones are written after `? `."""


def parse_lock(document: Document) -> Lock:
    """Return the pins of a parsed TTLOCK.yaml.

    Raises:
        InputError: all that is wrong with it.
    """
    errors: list[InputError] = []
    findings = Findings(document.places, errors)
    findings.refuse_marks(document.marks, ())
    raise_all(errors)
    value = findings.section(document.value, ())
    _check_format(value, findings)
    for key in value:
        if key != "format" and key not in _SECTIONS:
            findings.unknown((key,), _SECTIONS, LOCK_FILE)
    kept = {
        name: {} if value.get(name) is None else check(value[name], (name,), findings)
        for name, check in _SECTIONS.items()
    }
    raise_all(errors)
    return Lock(
        images=kept["images"],
        bases=kept["bases"],
        sources={uri: SourcePin(**pin) for uri, pin in kept["sources"].items()},
        trees=kept["trees"],
        locks=kept["locks"],
        refs={reference: Frozen(**pin) for reference, pin in kept["refs"].items()},
        frozen={name: Frozen(**pin) for name, pin in kept["frozen"].items()},
    )


def read_lock(path: Path, shown_path: str) -> Lock:
    """Read a TTLOCK.yaml; an absent one has no pins. `shown_path` is relative to the workspace root.

    Raises:
        InputError: all that is wrong with it.
        HostError: it cannot be read.
    """
    try:
        data = read_small(os.fspath(path))
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        message = f"`{shown(shown_path)}` cannot be read: {error.strerror}"
        raise HostError(message, code="unreadable", hint="check its rights") from error
    return parse_lock(parse_yaml(data, shown_path))


def write_lock(path: Path, lock: Lock) -> None:
    """Replace a TTLOCK.yaml as a whole, so that a reader never sees half of it; its mode is kept.

    Raises:
        HostError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        with open(temporary, "x", encoding="utf-8", newline="\n") as file:
            file.write(lock_text(lock))
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        message = f"`{path.name}` cannot be written: {error.strerror}"
        raise HostError(message, code="unwritable", hint="check the rights of its folder") from error


def lock_text(lock: Lock) -> str:
    """Return the text of a TTLOCK.yaml: sections in a fixed order, empty ones left out, keys sorted."""
    sections: dict[str, Mapping[str, Any]] = {
        "images": lock.images,
        "bases": lock.bases,
        "sources": {uri: _fields(pin, ("content", "listing", "at")) for uri, pin in lock.sources.items()},
        "trees": lock.trees,
        "locks": lock.locks,
        "refs": {reference: _fields(pin, ("id", "artifact", "at")) for reference, pin in lock.refs.items()},
        "frozen": {name: _fields(pin, ("id", "artifact", "at")) for name, pin in lock.frozen.items()},
    }
    lines = [f"format: {FORMAT}"]
    for name, section in sections.items():
        if section:
            lines += [f"{name}:", *_rows(section, "  ")]
    return HEADER + "\n".join(lines) + "\n"


def _fields(pin: SourcePin | Frozen, names: tuple[str, ...]) -> dict[str, str]:
    return {name: getattr(pin, name) for name in names if getattr(pin, name) is not None}


def _rows(section: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key in sorted(section):
        value = section[key]
        name = _scalar(key)
        colon = f"{name}:" if len(name) <= _MAX_SIMPLE_KEY else f"? {name}\n{indent}:"
        if isinstance(value, str):
            yield f"{indent}{colon} {_scalar(value)}"
        elif value:
            yield f"{indent}{colon}"
            yield from _rows(value, f"{indent}  ")
        else:
            yield f"{indent}{colon} {{}}"


_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def _scalar(text: str) -> str:
    """Spell a string: plain where that is safe in every reader of YAML, else in double quotes."""
    if _PLAIN.match(text) and len(text) < 200 and _is_text_everywhere(text):
        return text
    return _ESCAPED.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))


def _is_text_everywhere(text: str) -> bool:
    """Tell if YAML 1.1 and 1.2 both read the plain scalar as text: numbers, words and dates begin otherwise."""
    return not text[0].isdigit() and text[0] not in ".+-" and len(text) > 5 and isinstance(resolve_plain(text), str)


def _check_format(value: Mapping[str, Any], findings: Findings) -> None:
    found = value.get("format")
    if found == FORMAT:
        return
    if found is None:
        message = f"{LOCK_FILE} has no `format`"
        findings.at_value((), message, "lock-format", f"add `format: {FORMAT}`, or remove the file and run `lock`")
        return
    message = f"format `{shown(str(found))}` is not `{FORMAT}`"
    findings.at_value(("format",), message, "lock-format", "use the traintrack that wrote the file, or a newer one")


def _digest(pattern: re.Pattern[str], wanted: str) -> Check:
    def check(value: Any, path: KeyPath, findings: Findings) -> Any:
        value = checks.text(value, path, findings)
        if type(value) is str and not pattern.match(value):
            hint = "run `traintrack lock`: these files are not written by hand"
            findings.at_value(path, f"`{shown(value)}` is not {wanted}", "lock-digest", hint)
        return value

    return check


def _commit_key(value: Any, path: KeyPath, findings: Findings) -> Any:
    if not _COMMIT.match(value):
        hint = "run `traintrack lock`: these files are not written by hand"
        findings.at_key(path, f"`{shown(value)}` is not a full commit hash", "lock-digest", hint)
    return value


def _reference_key(value: Any, path: KeyPath, findings: Findings) -> Any:
    if not looks_like_reference(value):
        findings.at_key(path, f"`{shown(value)}` is not a reference", "bad-label", "write it as it stands in `args`")
    return value


def _target_key(value: Any, path: KeyPath, findings: Findings) -> Any:
    name, _, member = value.partition("@")
    if not is_segment(name) or (member and not re.match(r"[A-Za-z0-9_.+\-=,]+\Z", member)):
        findings.at_key(path, f"`{shown(value)}` cannot be the name of a target", "bad-name", "remove the entry")
    return value


def _source_pin(value: Any, path: KeyPath, findings: Findings) -> Any:
    value = _source_fields(value, path, findings)
    if isinstance(value, dict) and not {"content", "listing"} & value.keys():
        findings.at_value(path, "a pin has no `content` and no `listing`", "missing-field", "run `traintrack lock`")
    return value


_sha256 = _digest(_SHA256, "64 hex digits")
_image_digest = _digest(_IMAGE_DIGEST, "`sha256:` and 64 hex digits")
_source_fields = checks.record_of({"content": _sha256, "listing": _sha256, "at": checks.line}, "a pin")
_frozen = checks.record_of(
    {
        "id": _sha256,
        "artifact": checks.optional(_sha256),
        "at": checks.optional(_digest(_COMMIT, "a full commit hash")),
    },
    "a frozen target",
    required=("id",),
)
_SECTIONS: Final[dict[str, Check]] = {
    "images": checks.map_of(_image_digest),
    "bases": checks.map_of(_image_digest),
    "sources": checks.map_of(_source_pin),
    "trees": checks.map_of(checks.map_of(_digest(_OBJECT, "a tree id or `<mode>:<blob id>`")), _commit_key),
    "locks": checks.map_of(checks.map_of(_sha256), _commit_key),
    "refs": checks.map_of(_frozen, _reference_key),
    "frozen": checks.map_of(_frozen, _target_key),
}
