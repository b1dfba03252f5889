"""Entries of `images`, and images written out in a target: checked, and as ImageSpec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from traintrack.errors import Location
from traintrack.workspace import checks
from traintrack.workspace.checks import Check
from traintrack.workspace.document import REMOVE
from traintrack.workspace.findings import Findings, shown
from traintrack.workspace.model import ImageSpec, KeyPath, Target

KINDS: Final = ("ref", "build", "python")

_PYTHON = re.compile(r"3\.[0-9]{1,2}(?:\.[0-9]{1,2})?\Z", re.ASCII)
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?\Z", re.ASCII)
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@{}+-]*\Z", re.ASCII)


def check_image(fields: Any, path: KeyPath, findings: Findings) -> Any:
    """Check an image and return it as its fields keep it."""
    kept = _record(fields, path, findings)
    if type(kept) is not dict or any(value is REMOVE for value in kept.values()):
        return kept
    kinds = [kind for kind in KINDS if kind in kept]
    if len(kinds) != 1:
        said = " and ".join(f"`{kind}`" for kind in kinds)
        message = f"an image has {said}" if kinds else "an image has none of `ref`, `build` and `python`"
        findings.at_value(path, message, "bad-image", "write exactly one of `ref`, `build`, and `python` with `lock`")
    elif kinds == ["python"] and "lock" not in kept:
        findings.at_value(path, "a Python image has no `lock`", "bad-image", "add `lock: requirements.lock`")
    elif kinds == ["python"] and kept.get("isolation"):
        findings.at_key((*path, "isolation"), "`isolation` belongs to containers", "bad-image", "remove it")
    elif kinds != ["python"]:
        for key in ("lock", "groups", "extras"):
            if key in kept:
                findings.at_key((*path, key), f"`{key}` belongs to Python images", "bad-image", "remove it")
    return kept


def image_spec(name: str, fields: Mapping[str, Any], place: Location) -> ImageSpec:
    """Return a checked image as a value."""
    entrypoint = fields.get("entrypoint")
    return ImageSpec(
        name,
        place,
        ref=fields.get("ref"),
        build=fields.get("build"),
        python=fields.get("python"),
        lock=fields.get("lock"),
        groups=tuple(fields.get("groups", ())),
        extras=tuple(fields.get("extras", ())),
        entrypoint=None if entrypoint is None else tuple(entrypoint),
        platform=fields.get("platform"),
        isolation=fields.get("isolation", {}),
    )


def image_of(target: Target, images: Mapping[str, ImageSpec]) -> ImageSpec | None:
    """Return the image that a loaded target names in `images` or writes out itself; None for a source."""
    image = target.spec.image
    if image is None:
        return None
    if isinstance(image, str):
        return images[image]
    return image_spec("", image, target.place_of("image"))


def read_images(section: Any, path: KeyPath, findings: Findings) -> dict[str, ImageSpec]:
    """Read a section `images`; a wrong entry is noted and left out of nothing but the checks that need it."""
    found: dict[str, ImageSpec] = {}
    for name, fields in findings.section(section, path).items():
        checks.segment_key(name, (*path, name), findings)
        before = len(findings.errors)
        kept = check_image(fields, (*path, name), findings)
        place = findings.places.key((*path, name))
        found[name] = image_spec(name, kept if len(findings.errors) == before else {}, place)
    return found


def check_platform(value: Any, path: KeyPath, findings: Findings) -> Any:
    """`linux/amd64` and its like."""
    value = checks.line(value, path, findings)
    if type(value) is str and not _PLATFORM.match(value):
        findings.at_value(path, f"`{shown(value)}` is not a platform", "field-value", "write `linux/amd64`")
    return value


def _ref(value: Any, path: KeyPath, findings: Findings) -> Any:
    value = checks.line(value, path, findings)
    if type(value) is str and not _REF.match(value):
        hint = 'write it as for `docker pull`, such as `"registry.example/team/trainer:2.3"`'
        findings.at_value(path, f"`{shown(value)}` is not an image", "bad-image", hint)
    return value


def _python(value: Any, path: KeyPath, findings: Findings) -> Any:
    value = checks.text(value, path, findings)
    if type(value) is str and not _PYTHON.match(value):
        findings.at_value(path, f"`{shown(value)}` is not a Python version", "bad-image", 'write `"3.11"`')
    return value


_names = checks.list_of(checks.line)
_build = checks.record_of(
    {
        "context": checks.relative_path,
        "dockerfile": checks.relative_path,
        "paths": checks.list_of(checks.relative_path),
        "args": checks.map_of(checks.text),
    },
    "`build`",
)
_FIELDS: Final[dict[str, Check]] = {
    "ref": _ref,
    "build": _build,
    "python": _python,
    "lock": checks.relative_path,
    "groups": _names,
    "extras": _names,
    "entrypoint": checks.optional(_names),
    "platform": checks.optional(check_platform),
    "isolation": checks.record_of({"user": checks.choice("image"), "root": checks.choice("writable")}, "`isolation`"),
}
_record = checks.record_of(_FIELDS, "an image")
